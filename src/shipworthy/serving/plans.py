"""The plan watcher: follows ``plans/*.json``, loads what is new first, and only then lets it take over."""

import asyncio
import gc
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from shipworthy.core.errors import BackendFailed, InvalidConfig, ShipworthyError
from shipworthy.core.plan import Plan
from shipworthy.packaging.package import open_package
from shipworthy.serving.asgi import App
from shipworthy.serving.events import tell
from shipworthy.serving.predictor import Predictor

__all__ = ["PlanWatcher", "read_plan", "settle_memory"]

LOOK_EVERY_S: Final = 0.2
_RETRY_EVERY_S: Final = 5.0
_SETTLE_AFTER_S: Final = 1.0

_Stamp = tuple[int, int, int]


class PlanWatcher:
    """Keeps what is served equal to the plans in a folder.

    A plan that cannot be taken over (unreadable, package missing or damaged, graph refused) changes nothing: what
    was served goes on, the failure is counted, told and shown in ``/status``, and tried again every 5 s. A plan
    file that disappears changes nothing either: an endpoint is retired by a plan, never by an accident.

    Args:
        home: The workspace's folder.
        app: What serves.
        endpoints: Names of the endpoints to serve; empty for all.
    """

    def __init__(self, home: Path, app: App, *, endpoints: frozenset[str] = frozenset()) -> None:
        self._home = home
        self._app = app
        self._endpoints = endpoints
        self._stamps: dict[str, _Stamp] = {}
        self._retry_s: dict[str, float] = {}
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader")

    async def run(self) -> None:
        """Look for changes until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Take over every plan that is new or failed a while ago."""
        for path in sorted((self._home / "plans").glob("*.json")):
            name = path.stem
            if name.startswith(".") or (self._endpoints and name not in self._endpoints):
                continue
            try:
                state = path.stat()
            except OSError:
                continue
            if not stat.S_ISREG(state.st_mode):  # a pipe would be waited for
                continue
            stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
            if stamp != self._stamps.get(name) or time.monotonic() > self._retry_s.get(name, float("inf")):
                self._stamps[name] = stamp
                await self._follow(path)

    async def _follow(self, path: Path) -> None:
        name, service = path.stem, self._app.service
        loaded = {live.variant.package: live.predictor for one in service.deployments.values() for live in one.lives}
        loop = asyncio.get_running_loop()
        try:
            plan = read_plan(path)
            predictors = await loop.run_in_executor(self._loader, self._load, plan, loaded)
            service.deploy(plan, predictors)
            self._note(plan, predictors)
        except ShipworthyError as error:
            self._report(name, error)
            return
        except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
            # Whatever an odd package may raise: no plan may end the watching of all others.
            problem = f"{type(error).__name__}: {error}"
            self._report(name, BackendFailed(problem, remedy="report this; the old plan goes on", endpoint=name))
            return
        self._retry_s.pop(name, None)
        self._app.problems.pop(name, None)
        loop.call_later(_SETTLE_AFTER_S, settle_memory)
        tell("plan.taken", endpoint=name, plan=plan.number, packages=[one.package[:12] for one in plan.variants])

    def _note(self, plan: Plan, predictors: dict[str, Predictor]) -> None:
        metrics, name = self._app.service.metrics, plan.endpoint
        metrics.largest("shipworthy_plan_number", endpoint=name).set(plan.number)
        for variant in plan.variants:
            took_s = predictors[variant.package].load_s
            metrics.largest("shipworthy_model_load_seconds", endpoint=name, variant=variant.name).set(took_s)

    def _load(self, plan: Plan, loaded: dict[str, Predictor]) -> dict[str, Predictor]:
        """Predictors of the plan's packages, by digest; runs off the event loop."""
        found: dict[str, Predictor] = {}
        for digest in {variant.package for variant in plan.variants}:
            path = self._home / "packages" / digest
            if digest in loaded:
                found[digest] = loaded[digest]
                continue
            try:
                found[digest] = Predictor(open_package(path, expected=digest))
            except OSError as error:
                raise BackendFailed(
                    f"package {digest[:12]} cannot be read: {error}", remedy="make it readable", path=str(path)
                ) from error
        return found

    def _report(self, name: str, error: ShipworthyError) -> None:
        is_news = self._app.problems.get(name) != error.problem
        self._app.problems[name] = error.problem
        self._retry_s[name] = time.monotonic() + _RETRY_EVERY_S
        if is_news:
            self._app.service.metrics.counter("shipworthy_plan_failures_total", endpoint=name).add()
            tell("plan.failed", endpoint=name, problem=error.problem, remedy=error.remedy)


def settle_memory() -> None:
    """Free what no plan needs any more, and spare what is left from all further collections."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def read_plan(path: Path) -> Plan:
    """Read a plan file.

    Raises:
        InvalidConfig: If it is no plan, or a plan of another endpoint than its name says.
        BackendFailed: If it cannot be read.
    """
    remedy = "deploy again; plan files are written by Shipworthy and replaced whole"
    try:
        plan = Plan.from_json(msgspec.json.decode(path.read_bytes(), type=dict))
    except OSError as error:
        raise BackendFailed(f"{path} cannot be read: {error}", remedy="make it readable", path=str(path)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, TypeError, KeyError) as error:
        raise InvalidConfig(f"{path} is no plan: {error}", remedy=remedy, path=str(path)) from error
    if plan.endpoint != path.stem:
        raise InvalidConfig(f"{path} is the plan of {plan.endpoint!r}", remedy=remedy, path=str(path))
    return plan
