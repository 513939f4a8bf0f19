"""What a server process tells its operator: one JSON object a line on standard error, nothing else ever."""

import sys
import time
from typing import Final

import msgspec

__all__ = ["EVENTS", "tell"]

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
