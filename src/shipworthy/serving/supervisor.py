"""The supervisor: owns the listening socket, so that a worker's death drops no connection, and replaces the dead."""

import argparse
import errno
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from shipworthy.core.errors import BackendFailed, InvalidConfig, Refused, ShipworthyError
from shipworthy.serving.events import tell
from shipworthy.serving.limits import parse_limits
from shipworthy.serving.metrics import read_series
from shipworthy.serving.worker import add_shared

__all__ = ["Supervisor", "listen", "main"]

_LOOK_EVERY_S: Final = 0.05
_STUCK_S: Final = 30.0
_YOUNG_S: Final = 2.0
_BACKLOG: Final = 2_048
_HEART: Final = b"shipworthy_worker_heartbeat_seconds"


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on a loopback address.

    Args:
        host: Loopback address or ``localhost``.
        port: TCP port; 0 lets the system choose.

    Raises:
        Refused: If the address is not loopback: there is no authentication yet.
        InvalidConfig: If the port is in use, or the host is no address.
        BackendFailed: If the system refuses for another reason.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise InvalidConfig(f"host {host!r} is no address", remedy="give 127.0.0.1 or ::1", key="host") from error
    if not address.is_loopback:
        raise Refused(
            f"listening on {host} is refused: anybody could reach it, and there is no authentication yet",
            remedy="listen on 127.0.0.1 and put a proxy that authenticates callers in front",
            host=host,
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        listener.bind((str(address), port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _not_bound(error, host, port) from error
    return listener


def _not_bound(error: OSError, host: str, port: int) -> ShipworthyError:
    if error.errno == errno.EADDRINUSE:
        return InvalidConfig(
            f"port {port} on {host} is in use",
            remedy="end what listens there, or choose another with --port",
            port=port,
        )
    return BackendFailed(
        f"port {port} on {host} cannot be used: {error.strerror}", remedy="choose another with --port", port=port
    )


@dataclass(slots=True)
class _Place:
    """A place for one worker, whoever fills it.

    Attributes:
        slot: Its number.
        process: Who fills it.
        began_s: Since when, on the monotonic clock.
        start_s: When to fill it again, if it is empty.
        deaths: How many died young here, one after the other.
    """

    slot: int
    process: subprocess.Popen[bytes] | None = None
    began_s: float = 0.0
    start_s: float = 0.0
    deaths: int = 0


class Supervisor:
    """Keeps ``workers`` processes serving one socket until told to stop.

    Args:
        listener: The listening socket.
        home: The workspace's folder.
        workers: How many processes.
        options: What is handed on to each worker's command line.
        drain_s: How long requests in flight may take after SIGTERM, in seconds.
    """

    def __init__(
        self, listener: socket.socket, home: Path, *, workers: int, options: Sequence[str] = (), drain_s: float = 25.0
    ) -> None:
        self._listener = listener
        self._home = home
        self._options = list(options)
        self._drain_s = drain_s
        self._places = [_Place(slot) for slot in range(workers)]
        self._scratch = Path(tempfile.mkdtemp(prefix="shipworthy-"))
        self._is_stopping = False
        self._is_ready = False
        self._checked_s = 0.0

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; then drain."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        try:
            while not self._is_stopping:
                self._look()
                time.sleep(_LOOK_EVERY_S)
        finally:
            self._drain()
            shutil.rmtree(self._scratch, ignore_errors=True)
            tell("server.stopped")

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _look(self) -> None:
        now_s = time.monotonic()
        for place in self._places:
            if place.process is not None and place.process.poll() is not None:
                self._bury(place, now_s)
            if place.process is None and now_s >= place.start_s:
                self._start(place, now_s)
        if now_s - self._checked_s >= 1.0:
            self._checked_s = now_s
            self._end_stuck(now_s)
        if not self._is_ready and all((self._scratch / f"{place.slot}.pid").exists() for place in self._places):
            self._is_ready = True
            self._announce()

    def _start(self, place: _Place, now_s: float) -> None:
        descriptor = self._listener.fileno()
        command = [
            sys.executable,
            "-m",
            "shipworthy.serving.worker",
            "--fd",
            str(descriptor),
            "--home",
            str(self._home),
        ]
        command += ["--scratch", str(self._scratch), "--slot", str(place.slot), "--parent", str(os.getpid())]
        command += self._options
        place.process = subprocess.Popen(command, pass_fds=[descriptor], stdin=subprocess.DEVNULL)  # noqa: S603 - our own module
        place.began_s = now_s

    def _bury(self, place: _Place, now_s: float) -> None:
        """Note a death; who dies young again and again is replaced ever more slowly, 2 s apart at most."""
        assert place.process is not None
        place.deaths = place.deaths + 1 if now_s - place.began_s < _YOUNG_S else 0
        place.start_s = now_s + (min(0.1 * 2**place.deaths, 2.0) if place.deaths else 0.0)
        tell("worker.died", slot=place.slot, pid=place.process.pid, status=place.process.returncode)
        (self._scratch / f"{place.slot}.pid").unlink(missing_ok=True)
        place.process = None

    def _end_stuck(self, now_s: float) -> None:
        for place in self._places:
            path = self._scratch / f"{place.slot}.metrics"
            if place.process is None or now_s - place.began_s < _STUCK_S or not path.exists():
                continue
            beats = [
                doubles[0] for key, doubles in read_series(self._scratch, slot=place.slot).items() if _HEART in key
            ]
            if beats and now_s - beats[0] > _STUCK_S:
                tell("worker.stuck", slot=place.slot, pid=place.process.pid)
                place.process.kill()

    def _announce(self) -> None:
        """Say on standard output, as one line of JSON, where the server is."""
        host, port = self._listener.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        facts = {"url": url, "host": host, "port": port, "pid": os.getpid(), "scratch": str(self._scratch)}
        sys.stdout.buffer.write(msgspec.json.encode(facts) + b"\n")
        sys.stdout.flush()
        tell("server.ready", **facts)

    def _drain(self) -> None:
        self._listener.close()
        processes = [place.process for place in self._places if place.process is not None]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        end_s = time.monotonic() + self._drain_s + 3.0
        for process in processes:
            try:
                process.wait(max(end_s - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def main(arguments: list[str] | None = None) -> int:
    """Run a supervisor from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="shipworthy.serving.supervisor", allow_abbrev=False)
    parser.add_argument("--home", type=Path, required=True, help="the workspace's folder")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=8080, help="TCP port; 0 lets the system choose")
    parser.add_argument("--workers", type=int, default=1, help="how many worker processes")
    add_shared(parser)
    options = parser.parse_args(arguments)
    try:
        limits = parse_limits(tuple(options.limit))
        listener = listen(options.host, options.port)
    except ShipworthyError as error:
        sys.stderr.write(f"error[{error.code}]: {error}\n")
        return 3 if isinstance(error, Refused) else 4 if isinstance(error, BackendFailed) else 2
    handed_on = [f"--policy={options.policy}", *(f"--limit={one}" for one in options.limit)]
    handed_on += [f"--endpoint={one}" for one in options.endpoint]
    handed_on += ["--simulated-time"] if options.simulated_time else []
    workers = max(options.workers, 1)
    Supervisor(listener, options.home, workers=workers, options=handed_on, drain_s=limits.drain_s).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
