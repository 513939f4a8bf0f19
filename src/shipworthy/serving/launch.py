"""Start an endpoint for a while: for gates that measure the packaged server, for tests, and for rehearsals."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import urlopen

import msgspec

from shipworthy.core.errors import BackendFailed, InvalidConfig

__all__ = ["Running", "launch"]

_STOP_S: Final = 40.0


class Running:
    """A server that runs.

    Attributes:
        url: Its address, such as ``http://127.0.0.1:8080``.
        host: The address alone.
        port: The port alone.
        pid: Process id of the supervisor.
    """

    def __init__(self, process: subprocess.Popen[bytes], facts: dict[str, str | int]) -> None:
        self.url = str(facts["url"])
        self.host = str(facts["host"])
        self.port = int(facts["port"])
        self.pid = process.pid
        self._process = process
        self._scratch = Path(str(facts["scratch"]))

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """Process ids of the workers that serve now."""
        pids: list[int] = []
        for path in sorted(self._scratch.glob("*.pid")):
            with suppress(FileNotFoundError):  # its worker has just died
                pids.append(int(path.read_text(encoding="ascii")))
        return tuple(pids)

    def rss_mb(self) -> float:
        """Resident memory of the largest worker, in MB (10^6 bytes)."""
        return max((_resident_mb(pid) for pid in self.worker_pids), default=0.0)

    def check(self) -> None:
        """Make sure that it still runs.

        Raises:
            BackendFailed: If the supervisor has ended.
        """
        status = self._process.poll()
        if status is not None:
            raise BackendFailed(
                f"the endpoint at {self.url} has ended with status {status}",
                remedy="see its messages on standard error, and start it again",
                status=status,
            )

    def stop(self) -> int:
        """End the server as SIGTERM does: requests in flight are answered first. Returns its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


@contextmanager
def launch(
    home: Path,
    endpoints: Sequence[str] = (),
    *,
    port: int = 0,
    workers: int = 1,
    options: Sequence[str] = (),
    prefix: Sequence[str] = (),
    wait_s: float = 60.0,
    log: Path | None = None,
) -> Iterator[Running]:
    """Run a server on 127.0.0.1 while the block lasts.

    Args:
        home: The workspace's folder, with ``plans`` and ``packages``.
        endpoints: Names to serve, and to wait for; empty for all.
        port: TCP port; 0 lets the system choose.
        workers: How many worker processes.
        options: More options of ``python -m shipworthy.serving.supervisor``.
        prefix: Command to run it under, such as ``("taskset", "-c", "0")``.
        wait_s: How long to wait until it is ready, in seconds.
        log: File that its messages are appended to; our own standard error if None.

    Raises:
        InvalidConfig: If the port is in use or an option is wrong.
        BackendFailed: If it is not ready in time, or an endpoint cannot be served; the message says why.
    """
    command = [*prefix, sys.executable, "-m", "shipworthy.serving.supervisor", "--home", str(home)]
    command += ["--port", str(port), "--workers", str(workers), *(f"--endpoint={one}" for one in endpoints), *options]
    with ExitStack() as stack:
        messages = stack.enter_context(log.open("ab")) if log else None
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages)  # noqa: S603 - our own module
    try:
        end_s = time.monotonic() + wait_s
        running = Running(process, _announcement(process, end_s))
        for endpoint in endpoints:
            _wait_for(running.url, endpoint, end_s)
        yield running
        running.stop()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _announcement(process: subprocess.Popen[bytes], end_s: float) -> dict[str, str | int]:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        ready = selector.select(max(end_s - time.monotonic(), 0.0))
    line = process.stdout.readline() if ready else b""
    if line:
        return msgspec.json.decode(line, type=dict[str, str | int])
    status = process.poll() if not ready else process.wait()
    if status in {2, 3}:
        raise InvalidConfig("the server did not start: see its message above", remedy="mend what it names")
    raise BackendFailed("the server did not start in time", remedy="see its messages on standard error", status=status)


def _wait_for(url: str, endpoint: str, end_s: float) -> None:
    while True:
        try:
            with urlopen(f"{url}/v2/models/{quote(endpoint, safe='')}/ready", timeout=5):  # noqa: S310 - our own url
                return
        except (HTTPError, URLError, OSError):
            problem = _problem(url, endpoint)
        if problem or time.monotonic() > end_s:
            raise BackendFailed(
                f"endpoint {endpoint!r} is not served: {problem or 'it was not ready in time'}",
                remedy="mend its plan or its package",
                endpoint=endpoint,
            )
        time.sleep(0.05)


def _problem(url: str, endpoint: str) -> str:
    try:
        with urlopen(f"{url}/status", timeout=5) as answer:  # noqa: S310 - our own url
            return str(msgspec.json.decode(answer.read())["problems"].get(endpoint, ""))
    except (URLError, OSError):
        return ""


def _resident_mb(pid: int) -> float:
    pages = Path(f"/proc/{pid}/statm")
    if pages.exists():
        return int(pages.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False)  # noqa: S603, S607
    return int(shown.stdout or 0) * 1_024 / 1e6
