"""What a server process tells its operator: one JSON object a line on standard error, nothing else ever."""

import logging
import sys
import time
import traceback
from typing import Final

import msgspec

__all__ = ["EVENTS", "EventHandler", "tell"]

EVENTS: Final = {
    "drain.expired": "requests were still in flight when the time to drain was over",
    "plan.failed": "a plan could not be taken over; what was served goes on",
    "plan.taken": "a plan is served from now on",
    "recording.failed": "the disk refused records",
    "request.failed": "a request raised an unexpected exception",
    "server.ready": "the server accepts connections",
    "server.stopped": "all workers have ended",
    "worker.died": "a worker ended unasked; another takes its place",
    "worker.stuck": "a worker's loop stood still and was ended; another takes its place",
}


def tell(event: str, **facts: object) -> None:
    """Tell one event, with the wall-clock time in seconds since 1970.

    Raises:
        KeyError: If the event is not listed in :data:`EVENTS`.
    """
    line = msgspec.json.encode({"event": event, "what": EVENTS[event], "at": round(time.time(), 3), **facts})
    sys.stderr.buffer.write(line + b"\n")
    sys.stderr.flush()


class EventHandler(logging.Handler):
    """Tells what a library logs, such as uvicorn about an exception behind ASGI, as an event too."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        where = [f"{one.filename}:{one.lineno}" for one in traceback.extract_tb(error.__traceback__)] if error else []
        tell("request.failed", problem=record.getMessage().strip(), error=type(error).__name__, where=where[-5:])
