"""Up: endpoint, controller and console on this machine, until interrupted."""

import fcntl
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

import pyarrow as pa
import pyarrow.compute as pc
import uvicorn

from shipworthy.app.actions import Actions
from shipworthy.app.controller import Controller, Steps
from shipworthy.app.guard import Asgi
from shipworthy.app.monitor import MONITOR, ask_for_monitoring, monitoring_steps
from shipworthy.app.opened import Opened, open_project
from shipworthy.app.plans import restore_plan
from shipworthy.app.prepare import open_frame
from shipworthy.app.replay import Replayed, replay
from shipworthy.app.rollout import ROLLOUT, ask_for_rollout, move_rollout_to_now, rollout_steps
from shipworthy.app.views import words
from shipworthy.app.workspace import Workspace
from shipworthy.core.clock import ManualClock
from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidConfig, Refused, UserError
from shipworthy.core.progress import Progress, silent
from shipworthy.data.frame import INSTANT
from shipworthy.governance.ledger import PLAN_PUBLISHED
from shipworthy.serving.launch import Running, launch
from shipworthy.stores.archive import read_records

__all__ = ["Result", "Site", "Up"]

Site = Callable[[Workspace, Actions], Asgi]
"""Makes the pages and the API for a workspace; the faces stand above this room, so the caller gives it."""

_FULL_EVERY: Final = timedelta(days=7)
_WATCH_S: Final = 0.5
# A replayed day lasts a second: records are sealed at that pace, so that a look at production reads Parquet.
_REPLAYING: Final = ("--simulated-time", "--limit", "segment_s=1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a replay showed.

    Attributes:
        replayed: What was sent.
        performance: Body of the ``performance`` document; empty while nothing is mature.
        opened: The project.
    """

    replayed: Replayed
    performance: Mapping[str, Json]
    opened: Opened

    def lines(self) -> list[str]:
        """The result in words, each estimate with its interval."""
        done, goal = self.replayed, self.opened.project.goal
        lines = [f"replayed {done.days} days: {done.asked:,} requests, {done.labels:,} outcomes"]
        if not done.asked:
            lines = [f"all {done.days} days were replayed before; nothing was asked again"]
        metrics = cast("Mapping[str, Mapping[str, float | None]]", self.performance.get("metrics", {}))
        for name, one in metrics.items():
            unit = goal.unit_per_1000 if name.endswith("per_1000") else ""
            text = words.amount(one["estimate"], unit) if unit else words.number(one["estimate"])
            low, high = one["low"], one["high"]
            between = words.between(low, high, unit) if unit else f"{words.number(low)} to {words.number(high)}"
            lines.append(f"  {words.metric_name(name):<26} {text}  (95 % interval by day: {between})")
        bars = cast("list[Mapping[str, Json]]", self.performance.get("bars", []))
        lines += [
            f"  good enough: {bar['metric']} {bar['text']}: {'cleared' if bar['cleared'] else 'missed'}" for bar in bars
        ]
        return lines


class Up:
    """A running system; made by :meth:`start`."""

    def __init__(self, opened: Opened, server: Running, console_url: str, stop: threading.Event) -> None:
        self._opened = opened
        self._server = server
        self._stop = stop
        self.endpoint_url = server.url
        self.console_url = console_url

    @classmethod
    @contextmanager
    def start(cls, opened: Opened, *, site: Site, replaying: bool = False) -> "Iterator[Up]":
        """Run endpoint, controller and console on 127.0.0.1 while the block lasts.

        Args:
            opened: A project that was shipped.
            site: Makes the pages and the API.
            replaying: Whether time is simulated: the clock then stands at the project's ``data.until``.

        Raises:
            Refused: If the workspace is up already, or nothing was released yet.
            InvalidConfig: If a port is in use.
            BackendFailed: If the endpoint does not start.
        """
        config = opened.workspace.config
        options = ["--policy", config.record_policy, *(_REPLAYING if replaying else [])]
        stop = threading.Event()
        log = config.folder / "server.log"
        with _only_one(opened), _listen(config.console_port, "--console-port") as console:
            _listen(config.endpoint_port, "--port").close()  # say it here, where the message is seen
            opened = _with_simulated_time(opened) if replaying else opened
            restore_plan(opened)
            with launch(
                config.folder, port=config.endpoint_port, workers=config.workers, options=options, log=log
            ) as server:
                actions = Actions(opened.workspace)
                url = f"http://127.0.0.1:{console.getsockname()[1]}"
                threads = [_serve_site(site(opened.workspace, actions), console, stop)]
                if not replaying:
                    threads.append(_run_controller(opened, stop))
                try:
                    yield cls(opened, server, url, stop)
                finally:
                    stop.set()
                    for thread in threads:
                        thread.join(timeout=10)

    def replay(self, *, days: int | None = None, progress: Progress = silent) -> Result:
        """Send the project's rows from ``data.until`` on as live traffic; days lived through already are left out.

        Args:
            days: Live through so many days only; None for all.
            progress: Told after each day.

        Raises:
            BackendFailed: If the endpoint does not answer.
        """
        opened = self._opened
        until, clock = _until(opened), cast("ManualClock", opened.workspace.clock)
        progress("building the features of the days to come", done=0.0)
        frame = open_frame(opened, progress=progress)
        frame = frame.rows(pc.greater_equal(frame.event_time, pa.scalar(until, INSTANT)).to_numpy(zero_copy_only=False))
        controller = Controller(opened.workspace, _kinds(opened))
        full_at = [until + _FULL_EVERY]

        def look(now: datetime) -> None:
            full = now >= full_at[0]
            full_at[0] = now + _FULL_EVERY if full else full_at[0]
            ask_for_monitoring(opened, now=now, full=full)
            ask_for_rollout(opened)
            controller.run_due()

        done = replay(
            frame,
            self.endpoint_url,
            clock,
            label_delay=opened.project.data.label_delay,
            on_day=look,
            recorded=_recorded(opened),
            days=days,
            progress=progress,
        )
        ask_for_monitoring(opened, now=clock.now() + timedelta(seconds=1), full=True)
        controller.run_due()
        known = opened.workspace.known("performance", opened.project.serving.endpoint)
        return Result(replayed=done, performance=known.body if known else {}, opened=opened)

    def wait(self) -> None:
        """Go on until interrupted."""
        while not self._stop.wait(_WATCH_S):
            self._server.check()


def _with_simulated_time(opened: Opened) -> Opened:
    """The same project on a clock that stands where its production begins."""
    config = opened.workspace.config
    flags = {name: getattr(config, name) for name in ("endpoint_port", "console_port", "workers")}
    start = _until(opened)
    opened.workspace.close()
    simulated = open_project(opened.folder, clock=ManualClock(start), flags=flags)
    plan = restore_plan(simulated)
    move_rollout_to_now(simulated)
    simulated.workspace.note(PLAN_PUBLISHED, plan.endpoint, plan=plan.to_json(), why="a replay begins", simulated=True)
    return simulated


def _until(opened: Opened) -> datetime:
    until = opened.project.data.until
    if until is None:
        raise UserError(
            f"project {opened.project.name!r} has no data.until, so it has nothing to replay",
            remedy="set data.until in shipworthy.yaml to the instant where production begins",
            field="data.until",
        )
    return until


def _recorded(opened: Opened) -> frozenset[str]:
    folder = opened.workspace.folder / "records" / opened.project.serving.endpoint
    return frozenset(read_records(folder, columns=["request_id"])["request_id"].to_pylist())


def _kinds(opened: Opened) -> dict[str, Steps]:
    return {MONITOR: monitoring_steps(opened), ROLLOUT: rollout_steps(opened)}


@contextmanager
def _only_one(opened: Opened) -> Iterator[None]:
    """Hold the workspace's lock: two controllers would look at production twice, on two clocks."""
    with (opened.workspace.folder / "up.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(
                f"the workspace {opened.workspace.folder} is up already",
                remedy="stop the other `shipworthy up` first, or copy the project to another folder",
                folder=str(opened.workspace.folder),
            ) from error
        yield


def _listen(port: int, option: str) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise InvalidConfig(
            f"port {port} on 127.0.0.1 cannot be used: {error.strerror}",
            remedy=f"end what listens there, or choose another with {option}",
            port=port,
        ) from error
    return listener


def _serve_site(site: Asgi, listener: socket.socket, stop: threading.Event) -> threading.Thread:
    config = uvicorn.Config(site, log_level="warning", access_log=False, lifespan="off", server_header=False)
    server = uvicorn.Server(config)

    def watch() -> None:
        stop.wait()
        server.should_exit = True

    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), name="console", daemon=True)
    threading.Thread(target=watch, name="console-stop", daemon=True).start()
    thread.start()
    return thread


def _run_controller(opened: Opened, stop: threading.Event) -> threading.Thread:
    """Ask for a look at production once per window, and carry out what is due."""
    controller = Controller(opened.workspace, _kinds(opened))

    def work() -> None:
        every = opened.project.monitoring.every
        while not stop.is_set():
            now = opened.workspace.clock.now()
            start_of_window = datetime.fromtimestamp(
                now.timestamp() // every.total_seconds() * every.total_seconds(), tz=now.tzinfo
            )
            ask_for_monitoring(opened, now=start_of_window)
            ask_for_rollout(opened)
            controller.run_due()
            stop.wait(_WATCH_S)

    thread = threading.Thread(target=work, name="controller", daemon=True)
    thread.start()
    return thread
