"""The files of one run: everything that the gate, a comparison or a repetition needs later."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shipworthy.core.digests import Json
from shipworthy.core.errors import NotFound
from shipworthy.data.frame import FeatureFrame
from shipworthy.stats.scores import Scores

__all__ = ["RunFolder"]

_OWN = ("__key", "__event_time", "__decision_time", "__target")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """One run's folder under ``.shipworthy/runs``."""

    path: Path

    @property
    def drafts(self) -> Path:
        """Packages of this run that were not judged yet."""
        return self.path / "packages"

    def keep_frame(self, frame: FeatureFrame) -> None:
        """Keep the rows that the run was trained and validated on."""
        own = (frame.key, frame.event_time, frame.decision_time, frame.target)
        table = frame.features
        for name, column in zip(_OWN, own, strict=True):
            table = table.append_column(name, column)
        known_at = {b"known_at": json.dumps(dict(frame.known_at)).encode()}
        self.path.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.replace_schema_metadata(known_at), self.path / "frame.parquet", compression="zstd")

    def frame(self) -> FeatureFrame:
        """Read what :meth:`keep_frame` wrote."""
        table = pq.read_table(self._file("frame.parquet"))
        known_at = json.loads((table.schema.metadata or {}).get(b"known_at", b"{}"))
        key, event_time, decision_time, target = (table.column(name).combine_chunks() for name in _OWN)
        return FeatureFrame(
            key=key,
            event_time=event_time,
            decision_time=decision_time,
            target=target,
            features=table.drop_columns(list(_OWN)).replace_schema_metadata(None),
            known_at=known_at,
        )

    def keep_scores(self, name: str, scores: Scores) -> None:
        """Keep what was said and what happened under ``name``."""
        table = pa.table({"truth": scores.truth, "probability": scores.probability, "block": scores.block})
        pq.write_table(table, self.path / f"scores-{name}.parquet", compression="zstd")

    def scores(self, name: str) -> Scores:
        """Read what :meth:`keep_scores` wrote."""
        table = pq.read_table(self._file(f"scores-{name}.parquet"))
        return Scores(
            truth=table.column("truth").to_numpy().astype(np.bool_),
            probability=table.column("probability").to_numpy(),
            block=table.column("block").to_numpy(),
        )

    def keep_rows(self, name: str, rows: pa.Table) -> None:
        """Keep a table under ``name``."""
        pq.write_table(rows, self.path / f"{name}.parquet", compression="zstd")

    def rows(self, name: str) -> pa.Table:
        """Read what :meth:`keep_rows` wrote."""
        return pq.read_table(self._file(f"{name}.parquet"))

    def keep_json(self, name: str, body: Json) -> None:
        """Keep plain data under ``name``."""
        (self.path / f"{name}.json").write_text(json.dumps(body), encoding="utf-8")

    def json(self, name: str) -> Json:
        """Read what :meth:`keep_json` wrote."""
        body: Json = json.loads(self._file(f"{name}.json").read_text(encoding="utf-8"))
        return body

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise NotFound(
                f"run {self.path.name} has no {name}",
                remedy="train again with `shipworthy train`; the run's files were removed",
                run=self.path.name,
                file=name,
            )
        return path
