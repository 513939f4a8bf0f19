"""A worker: one process, one event loop, one core; it needs its plans and its packages and nothing else."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Final, cast

import uvloop
from uvicorn import Config, Server

from shipworthy.core.clock import SystemClock
from shipworthy.core.ids import IdMaker
from shipworthy.serving.asgi import App
from shipworthy.serving.events import EventHandler, tell
from shipworthy.serving.http import HttpProtocol
from shipworthy.serving.limits import Limits, parse_limits
from shipworthy.serving.metrics import Metrics
from shipworthy.serving.plans import PlanWatcher, settle_memory
from shipworthy.serving.recorder import Recorder
from shipworthy.serving.service import Service

__all__ = ["main", "worker_parser"]

_BEAT_S: Final = 0.5
_SYNC_EVERY: Final = 2


class _Server(Server):
    """uvicorn's server, which ends with exit status 0 when asked to and says so to the service at once."""

    def __init__(self, config: Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop)
        yield

    def _stop(self) -> None:
        self._service.draining = True
        self.should_exit = True


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM; returns the exit status."""
    options = worker_parser().parse_args(arguments)
    limits = parse_limits(tuple(options.limit))
    logging.getLogger("uvicorn.error").addHandler(EventHandler())
    connection = socket.socket(fileno=options.fd)
    connection.setblocking(False)  # noqa: FBT003 - the library's signature
    uvloop.run(_serve(options, limits, connection))
    return 0


def worker_parser() -> argparse.ArgumentParser:
    """What a worker is told on its command line."""
    parser = argparse.ArgumentParser(prog="shipworthy.serving.worker", allow_abbrev=False)
    parser.add_argument("--fd", type=int, required=True, help="file descriptor of the listening socket")
    parser.add_argument("--home", type=Path, required=True, help="the workspace's folder")
    parser.add_argument("--scratch", type=Path, required=True, help="folder of the workers' metrics")
    parser.add_argument("--slot", type=int, required=True, help="number of this worker's place")
    parser.add_argument("--parent", type=int, required=True, help="process id of the supervisor")
    add_shared(parser)
    return parser


def add_shared(parser: argparse.ArgumentParser) -> None:
    """The options that the supervisor hands on to its workers."""
    parser.add_argument("--endpoint", action="append", default=[], help="serve only this endpoint (repeatable)")
    parser.add_argument("--policy", choices=("serve", "strict"), default="serve", help="when recording fails")
    parser.add_argument("--simulated-time", action="store_true", help="obey the header Shipworthy-Time")
    parser.add_argument("--limit", action="append", default=[], help="NAME=VALUE of a limit (repeatable)")


async def _serve(options: argparse.Namespace, limits: Limits, connection: socket.socket) -> None:
    metrics = Metrics(options.scratch / f"{options.slot}.metrics")
    name = IdMaker().make("w", SystemClock().now())[2:]
    recorder = Recorder(
        options.home / "records",
        f"{options.slot}_{name}",
        metrics,
        share_kept=limits.record_share,
        segment_s=limits.segment_s,
    )
    with ThreadPoolExecutor(1, "model") as thread, ThreadPoolExecutor(1, "disk") as disk:
        service = Service(
            recorder,
            metrics,
            limits,
            asyncio.get_running_loop(),
            thread,
            id_prefix=f"req-{name}-",
            policy=options.policy,
            simulated_time=options.simulated_time,
        )
        app = App(service, options.scratch)
        server = _Server(_config(app, limits), service)
        watcher = PlanWatcher(options.home, app, endpoints=frozenset(options.endpoint))
        pulse = _Pulse(app, server, recorder, disk, parent=options.parent)
        pulse.beat()
        await watcher.look()
        gc.set_threshold(100_000, 50, 50)  # requests make no cycles: frequent collections would only cost
        settle_memory()
        _announce(options.scratch / f"{options.slot}.pid")
        tasks = [asyncio.create_task(watcher.run()), asyncio.create_task(pulse.run())]
        try:
            await server.serve(sockets=[connection])
        finally:
            for task in tasks:
                task.cancel()
            if service.in_flight:
                tell("drain.expired", in_flight=service.in_flight)
            recorder.close()


def _announce(path: Path) -> None:
    """Say who fills the place; readers see the whole number or none."""
    draft = path.with_suffix(".draft")
    draft.write_text(str(os.getpid()), encoding="ascii")
    draft.replace(path)


def _config(app: App, limits: Limits) -> Config:
    return Config(
        app,
        http=HttpProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="error",  # a malformed request is worth a record, not a line
        backlog=2_048,
        timeout_graceful_shutdown=int(limits.drain_s),
    )


class _Pulse:
    """What is looked at every half second instead of at every request."""

    def __init__(self, app: App, server: Server, recorder: Recorder, disk: ThreadPoolExecutor, *, parent: int) -> None:
        self._app = app
        self._server = server
        self._recorder = recorder
        self._disk = disk
        self._heart = app.service.metrics.largest("shipworthy_worker_heartbeat_seconds")
        self._parent = parent  # not who it is now: the supervisor may have died while this process was starting
        self._turn = 0

    async def run(self) -> None:
        """Beat until cancelled; an orphan ends itself as if it had been told to."""
        while True:
            await asyncio.sleep(_BEAT_S)
            self.beat()
            if os.getppid() != self._parent:
                os.kill(os.getpid(), signal.SIGTERM)
            self._turn += 1
            if self._turn % _SYNC_EVERY == 0:
                self._recorder.sync(self._disk)

    def beat(self) -> None:
        """Set clock, date and heartbeat, and end connections that take too long."""
        app = self._app
        app.now_s = time.monotonic()
        app.date = f"date: {formatdate(usegmt=True)}\r\n".encode()
        app.service.set_clock()
        app.service.gauge()
        self._heart.set(app.now_s)
        for connection in list(self._server.server_state.connections):
            cast("HttpProtocol", connection).sweep(app.now_s)


if __name__ == "__main__":
    sys.exit(main())
