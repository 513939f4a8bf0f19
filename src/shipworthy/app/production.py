"""What production did, as monitoring reads it: records with their late labels, and the baseline's word on each row."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shipworthy.monitoring.production import Production, read_production
from shipworthy.packaging.baseline import RateTable
from shipworthy.packaging.package import Package, open_package
from shipworthy.packaging.signature import Datatype, Field
from shipworthy.problem.goal import Goal
from shipworthy.serving.limits import Limits
from shipworthy.serving.mlflow import MlflowCodec
from shipworthy.serving.oip import OipCodec
from shipworthy.stores.archive import read_feedback, read_records
from shipworthy.stores.labels import Inputs, Labelled, join_labels

__all__ = ["inputs_of", "load_labelled", "load_production"]

_ARROW = {Datatype.BOOL: pa.bool_(), Datatype.BYTES: pa.string()}


def load_production(
    home: Path, endpoint: str, goal: Goal, *, since: datetime | None = None, until: datetime | None = None
) -> Production:
    """Everything that ``endpoint`` did in a period, by business time.

    Args:
        home: The workspace's folder.
        endpoint: Its name.
        goal: Decides where a record carries no decision, and for the baseline.
        since: Only at or after this instant.
        until: Only before this instant.
    """
    records, labelled, package = _load(home, endpoint, since, until)
    baseline = package.baseline if package else None
    said = _baseline(labelled.table, baseline) if baseline is not None else None
    return read_production(records, labelled.table, goal, baseline=said)


def load_labelled(
    home: Path, endpoint: str, *, since: datetime | None = None, until: datetime | None = None
) -> tuple[pa.Table, Labelled]:
    """The requests of a period, and their predictions with labels and the features that the baseline reads."""
    records, labelled, _ = _load(home, endpoint, since, until)
    return records, labelled


def inputs_of(package: Package, names: Sequence[str] | None = None) -> Inputs:
    """How to read the features of recorded requests.

    Args:
        package: What answered them; its signature tells the features.
        names: Only these features; all columns if None.
    """
    fields = [field for field in package.signature.inputs if len(field.shape) == 1]
    wanted = [field for field in fields if names is None or field.name in names]
    places = {field.name: place for place, field in enumerate(package.signature.inputs)}
    oip = OipCodec("any", "1", package.signature, Limits())
    mlflow = MlflowCodec(package.signature, Limits())

    def decode(body: bytes, content_type: str, protocol: str) -> Mapping[str, Sequence[object]]:  # noqa: ARG001
        picked = _pick(body, protocol, wanted)
        if picked is not None:
            return picked
        rows = (oip if protocol == "oip" else mlflow).decode(body)
        return {field.name: rows.values[places[field.name]] for field in wanted}

    schema = pa.schema([(field.name, _ARROW.get(field.datatype, pa.float64())) for field in wanted])
    return Inputs(fields=schema, decode=decode)


def _pick(body: bytes, protocol: str, wanted: Sequence[Field]) -> Mapping[str, Sequence[object]] | None:
    """The wanted features of a body in one of the two usual forms, read without looking at the others; else None."""
    try:
        asked = msgspec.json.decode(body)
        if protocol == "oip":
            data = {one["name"]: one["data"] for one in asked["inputs"]}
            return {field.name: _flat(data[field.name]) for field in wanted}
        return {field.name: [one[field.name] for one in asked["dataframe_records"]] for field in wanted}
    except (msgspec.DecodeError, LookupError, TypeError):  # another form; the codec knows them all
        return None


def _flat(data: Sequence[object]) -> Sequence[object]:
    """A column, whether it came as n values or as n rows of one."""
    return [one[0] if isinstance(one, list) else one for one in data]


def _load(
    home: Path, endpoint: str, since: datetime | None, until: datetime | None
) -> tuple[pa.Table, Labelled, Package | None]:
    folder = home / "records" / endpoint
    records = read_records(folder, since=since, until=until)
    package = _package(home, records)
    keys = package.baseline.keys if package and package.baseline else ()
    feedback = read_feedback(folder, since=since)
    inputs = inputs_of(package, keys) if package and keys else None
    return records, join_labels(records, feedback, inputs), package


def _package(home: Path, records: pa.Table) -> Package | None:
    """The package that answered last; older ones differ in their model, and share the project's baseline."""
    digests = pc.unique(records["package"]).to_pylist()
    known = [digest for digest in digests if digest and (home / "packages" / digest).is_dir()]
    return open_package(home / "packages" / known[-1]) if known else None


def _baseline(predictions: pa.Table, baseline: RateTable) -> NDArray[np.float64]:
    if not baseline.keys:
        return np.full(len(predictions), baseline.default)
    return baseline.probability({key: predictions[key].to_pylist() for key in baseline.keys})
