"""Check: open the sources, hold them to their contracts, build the features, and ask whether modelling is worth it."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime

from shipworthy.app.inputs import digest_inputs
from shipworthy.app.opened import Opened
from shipworthy.core.digests import Json
from shipworthy.core.errors import Refused
from shipworthy.core.findings import Finding, Verdict
from shipworthy.core.progress import Progress, silent
from shipworthy.data.contract import Contract, read_contract
from shipworthy.data.feasibility import check_feasibility
from shipworthy.data.features import build_features
from shipworthy.data.frame import FeatureFrame
from shipworthy.data.snapshot import Snapshot
from shipworthy.data.source import open_sources
from shipworthy.data.table_checks import check_table
from shipworthy.engines.duckdb import DuckDbEngine
from shipworthy.engines.engine import Engine

__all__ = ["Prepared", "check", "open_frame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Data that is ready for training, and what was found on the way.

    Attributes:
        frame: The features of every decision before ``until``, with the outcomes known by then.
        snapshots: State of each source.
        findings: What contracts and feasibility said.
        inputs: Digest of everything that a training on this data depends on.
    """

    frame: FeatureFrame
    snapshots: tuple[Snapshot, ...]
    findings: tuple[Finding, ...]
    inputs: str

    @property
    def verdict(self) -> Verdict:
        """All findings as one verdict on the data."""
        subject = "+".join(snapshot.digest for snapshot in self.snapshots)
        return Verdict(gate="data", subject=subject, findings=self.findings)

    def to_json(self) -> dict[str, Json]:
        """Plain JSON for machines."""
        return {
            "verdict": self.verdict.to_json(),
            "rows": len(self.frame),
            "features": list(self.frame.names),
        }


def check(opened: Opened, *, progress: Progress = silent) -> Prepared:
    """Hold the data to its contracts and find out whether it is worth modelling.

    Raises:
        InvalidData: If a source cannot be read.
        InvalidContract: If a contract cannot be used.
        InvalidFeatures: If a feature would look past the decision time.
    """
    opened.workspace.require("train")
    opened.enter_stage("feasibility")
    with _attached(opened, progress) as sources:
        findings = [one for name in opened.project.data.sources for one in sources.judge(name)]
        if any(finding.blocks for finding in findings):
            raise _blocked(findings)
        frame = sources.frame(until=opened.project.data.until)
    findings += check_feasibility(frame, opened.project.goal, label_delay=opened.project.data.label_delay)
    for snapshot in sources.snapshots:
        body = {**snapshot.to_json(), "project": opened.project.name}
        opened.workspace.keep("snapshot", snapshot.digest, body)
    return Prepared(frame=frame, snapshots=sources.snapshots, findings=tuple(findings), inputs=digest_inputs(opened))


def open_frame(opened: Opened, *, progress: Progress = silent) -> FeatureFrame:
    """The features and outcomes of every decision, those from ``data.until`` on included."""
    with _attached(opened, progress) as sources:
        return sources.frame(until=None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sources:
    """The attached sources of one project, for as long as they are needed."""

    opened: Opened
    engine: Engine
    contracts: Mapping[str, Contract]
    snapshots: tuple[Snapshot, ...]
    progress: Progress

    def judge(self, name: str) -> tuple[Finding, ...]:
        """What the contract of one source finds; nothing where there is none."""
        if name not in self.contracts:
            return ()
        self.progress(f"checking contract of {name}")
        now = self.opened.project.data.until or self.opened.workspace.clock.now()
        return check_table(self.engine, name, self.contracts[name], now)

    def frame(self, *, until: datetime | None) -> FeatureFrame:
        """The features as of each decision before ``until``."""
        opened = self.opened
        return build_features(
            opened.project, opened.folder, self.engine, self.contracts, until=until, progress=self.progress
        )


@contextmanager
def _attached(opened: Opened, progress: Progress) -> Iterator[_Sources]:
    contracts = {
        name: read_contract(opened.folder / source.contract)
        for name, source in opened.project.data.sources.items()
        if source.contract
    }
    with closing(DuckDbEngine(memory_mb=opened.workspace.config.engine_memory_mb)) as engine:
        progress("opening sources", done=0.0)
        now = opened.workspace.clock.now()
        snapshots = open_sources(opened.project, opened.folder, engine, now=now, progress=progress)
        yield _Sources(opened=opened, engine=engine, contracts=contracts, snapshots=snapshots, progress=progress)


def _blocked(findings: list[Finding]) -> Refused:
    worst = [finding for finding in findings if finding.blocks]
    return Refused(
        "the data breaks its contract: " + "; ".join(f"{one.check}: {one.message}" for one in worst[:5]),
        remedy=worst[0].remedy,
        findings=[one.to_json() for one in worst],
    )
