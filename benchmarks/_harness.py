"""What every benchmark shares: environments of their own for peers, pinned servers, wrk, rounds, and the last line."""

import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "shipworthy-bench"
SERVER_CORE = "0"
LOAD_CORE = "1"


def python_of(name: str, requirements: Sequence[str]) -> Path:
    """The interpreter of an environment of its own with ``requirements``; made once and kept in the cache."""
    home = CACHE / "environments" / name
    done = home / "requirements.done"
    wanted = "\n".join(requirements)
    if not (done.exists() and done.read_text() == wanted):
        shutil.rmtree(home, ignore_errors=True)
        print(f"making the environment {name!r} in {home}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *requirements], check=True, stdout=sys.stderr)
        done.write_text(wanted)
    return home / "bin" / "python"


def pinned(core: str, command: Sequence[str]) -> list[str]:
    """``command`` on one core, where the machine can pin."""
    return [*(["taskset", "-c", core] if shutil.which("taskset") else []), *command]


def free_port() -> int:
    """A TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(
    command: Sequence[str], url: str, *, wait_s: float = 90.0, **more: object
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server on the server core while the block lasts; ``url`` answers once it is up."""
    process = subprocess.Popen(
        pinned(SERVER_CORE, command),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **more,
    )  # type: ignore[call-overload]
    try:
        _wait_for(url, process, wait_s)
        yield process
    finally:
        for name in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None or name is signal.SIGKILL:
                try:
                    os.killpg(process.pid, name)
                except ProcessLookupError:
                    break
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    continue


def _wait_for(url: str, process: subprocess.Popen[bytes], wait_s: float) -> None:
    end = time.monotonic() + wait_s
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer (exit status {process.poll()})")


@dataclass(frozen=True)
class Load:
    """What one run of the load generator found.

    Attributes:
        per_s: Answers in a second.
        p99_ms: 99th percentile of latency, in ms.
        failures: Answers that are no 200, and socket errors.
        cpu_us: Processor time of the server for one answer, in microseconds; 0 if it was not metered.
    """

    per_s: float
    p99_ms: float
    failures: int
    cpu_us: float = 0.0


_SCRIPT = """
wrk.method = "POST"
wrk.body = {body}
wrk.headers["Content-Type"] = "application/json"
"""


def load(url: str, body: str, *, connections: int, seconds: float, scratch: Path) -> Load:
    """Post ``body`` to ``url`` over ``connections`` keep-alive connections, from the load core."""
    return (_wrk if shutil.which("wrk") else _own)(url, body, connections, seconds, scratch)


def _wrk(url: str, body: str, connections: int, seconds: float, scratch: Path) -> Load:
    script = scratch / "post.lua"
    script.write_text(_SCRIPT.format(body="[==[" + body + "]==]"))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(script), url]
    out = subprocess.run(pinned(LOAD_CORE, command), check=True, capture_output=True, text=True).stdout
    failures = sum(int(number) for number in re.findall(r"(?:connect|read|write|timeout) (\d+)", out))
    failures += sum(int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", out))
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()  # type: ignore[union-attr]
    p99_ms = float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]
    return Load(float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), p99_ms, failures)  # type: ignore[index]


def _own(url: str, body: str, connections: int, seconds: float, scratch: Path) -> Load:  # noqa: ARG001 - wrk's shape
    command = [sys.executable, str(Path(__file__).with_name("_load.py")), url, str(connections), str(seconds)]
    out = subprocess.run(pinned(LOAD_CORE, command), check=True, capture_output=True, text=True, input=body).stdout
    return Load(**json.loads(out))


def _cpu_s(pids: Iterable[int]) -> float:
    """Processor time that processes have used so far, user and system, in seconds; 0 where /proc is absent."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def group_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Process ids of a server and all its children."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[2]) == process.pid:
                found.append(int(path.parent.name))
    return found


def metered(run: Callable[[], Load], pids: Callable[[], Iterable[int]], *, seconds: float) -> Load:
    """A run with the server's processor time for one answer, which other work on the machine changes least."""
    before_s = _cpu_s(pids())
    found = run()
    return replace(found, cpu_us=(_cpu_s(pids()) - before_s) * 1e6 / max(found.per_s * seconds, 1))


def interleaved(contenders: Mapping[str, Callable[[], Load]], *, rounds: int) -> dict[str, list[Load]]:
    """Run every contender once a round, in turning order, so that a slow minute hits all alike."""
    found: dict[str, list[Load]] = {name: [] for name in contenders}
    names = list(contenders)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            found[name].append(contenders[name]())
            print(f"round {turn + 1} {name}: {found[name][-1]}", file=sys.stderr)
    return found


def middle(loads: Sequence[Load]) -> Load:
    """Medians of rate, latency and processor time, and all failures."""
    return Load(
        statistics.median(load.per_s for load in loads),
        statistics.median(load.p99_ms for load in loads),
        sum(load.failures for load in loads),
        statistics.median(load.cpu_us for load in loads),
    )


def report(
    name: str, *, ratios: Mapping[str, float], figures: Mapping[str, object], goals: Mapping[str, float]
) -> bool:
    """Print the last line; a goal is the least value of the ratio of that name. Returns whether all were met."""
    met = all(ratios[key] >= least for key, least in goals.items())
    line = {"name": name, "ratios": dict(ratios), "figures": dict(figures), "goals": dict(goals), "met": met}
    print(json.dumps(line))
    return met
