"""The Python face of a local workspace: every step of the journey is a method, with the names of the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from shipworthy.app.opened import Opened, open_project
from shipworthy.core.digests import Json
from shipworthy.core.progress import Progress, silent
from shipworthy.problem.project import Project

if TYPE_CHECKING:
    from shipworthy.app.pictures.picture import Picture

__all__ = ["OpenProject"]


class OpenProject:
    """An opened project.

    Args:
        opened: The project with its folder and workspace.
        progress: Told about long work; silent by default.
    """

    def __init__(self, opened: Opened, progress: Progress = silent) -> None:
        self._opened = opened
        self._progress = progress

    @classmethod
    def at(cls, folder: str | Path, *, progress: Progress = silent) -> "OpenProject":
        """Open the project in ``folder``.

        Raises:
            NotFound: If the folder has no project file.
            InvalidProject: If the file is not valid.
        """
        return cls(open_project(Path(folder)), progress)

    @property
    def project(self) -> Project:
        """What ``shipworthy.yaml`` declares."""
        return self._opened.project

    def check(self) -> Mapping[str, Json]:
        """Hold the data to its contracts, and ask whether it is worth modelling; the verdict on the data."""
        from shipworthy.app.prepare import check

        return check(self._opened, progress=self._progress).to_json()

    def train(self) -> Mapping[str, Json]:
        """Make candidates and rank them against the baseline; the record of the run."""
        from shipworthy.app.train import train

        trained = train(self._opened, progress=self._progress)
        return {"run": trained.run, **trained.body}

    def test(self, run: str | None = None) -> Mapping[str, Json]:
        """Hold the package of a run to the gate; package, verdict and its digest."""
        from shipworthy.app.gate import judge_run

        return judge_run(self._opened, run=run, progress=self._progress).to_json()

    def approve(self, package: str | None = None, *, reason: str = "", yes: bool = True) -> Mapping[str, Json]:
        """Say yes or no to a judged package; the approval."""
        from shipworthy.app.approve import approve

        return approve(self._opened, package=package, reason=reason, yes=yes)

    def ship(self, *, yes: bool = False, reason: str = "") -> Mapping[str, Json]:
        """Check, train and test as needed, then approve (with ``yes``) and release; package, verdict and plan."""
        from shipworthy.app.ship import ship

        return ship(self._opened, yes=yes, reason=reason, progress=self._progress).to_json()

    def predict(self, rows: str | Path, *, url: str | None = None, limit: int = 1000) -> list[dict[str, Json]]:
        """Ask the running endpoint about rows of a file."""
        from shipworthy.app.predict import predict

        return predict(self._opened, Path(rows), url=url, limit=limit, progress=self._progress)

    def status(self) -> Mapping[str, Json]:
        """What serves, what it earns and who is waited for."""
        from shipworthy.app.status import status

        return status(self._opened)

    def history(self, *, kind: str | None = None, limit: int = 30) -> list[dict[str, Json]]:
        """The newest events of the ledger."""
        from shipworthy.app.history import history

        return history(self._opened, kind=kind, limit=limit)

    def served_at(self, at: str) -> Mapping[str, Json]:
        """What served at an ISO 8601 instant."""
        from shipworthy.app.history import served_then

        return served_then(self._opened, at)

    def verify(self) -> int:
        """Recompute the ledger's hash chain; the number of events, or ``Refused`` at the first that was changed."""
        from shipworthy.app.history import verify_ledger

        return verify_ledger(self._opened)

    def records(
        self, *, outcome: str | None = None, since: str | None = None, limit: int = 20
    ) -> list[dict[str, Json]]:
        """Predictions as they happened, newest first."""
        from shipworthy.app.records import list_records

        return list_records(self._opened, outcome=outcome, since=since, limit=limit)

    def pictures(self) -> "tuple[Picture, ...]":
        """The project's pictures: run, gate and endpoint; a notebook draws each, and ``rows`` holds its numbers."""
        from shipworthy.app.report import draw_project

        return draw_project(self._opened)

    def report(self, file: str | Path) -> Path:
        """Write the pictures and findings as one HTML file that opens anywhere."""
        from shipworthy.app.report import write_report

        return write_report(self._opened, Path(file))

    def incidents(self, *, everything: bool = False) -> list[dict[str, Json]]:
        """What went wrong; with ``everything``, closed incidents too."""
        from shipworthy.app.incidents import list_incidents

        return list_incidents(self._opened, everything=everything)
