"""The baseline: what is done today, as a table of rates fitted on the rows that train."""

import importlib.util
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy as np

from shipworthy.core.errors import InvalidProject
from shipworthy.data.frame import FeatureFrame
from shipworthy.packaging.baseline import RateTable, render_key

__all__ = ["fit_baseline", "fit_rates"]

_MISTAKES = (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError, SyntaxError)
_MISTAKES_IN_CALL = (*_MISTAKES, TypeError, ValueError)


def fit_baseline(spec: str, frame: FeatureFrame, folder: Path) -> RateTable:
    """Fit what ``goal.baseline`` names.

    Args:
        spec: ``"constant"`` (the overall rate), ``"rate: a, b"`` (the rate of each combination of these columns) or
            ``"module:function"``: a function of the project's own file ``module.py`` that takes the frame and
            returns a :class:`~shipworthy.packaging.baseline.RateTable`; only the project's folder is looked in.
        frame: Rows to fit on; every target known.
        folder: The project's folder.

    Raises:
        InvalidProject: If ``spec`` has another form, names what is not there, or the function fails.
    """
    kind, _, rest = (part.strip() for part in spec.partition(":"))
    if spec.strip() == "constant":
        return fit_rates(frame, by=())
    if kind == "rate" and rest:
        return fit_rates(frame, by=tuple(name.strip() for name in rest.split(",")))
    if rest.isidentifier() and all(part.isidentifier() for part in kind.split(".")):
        return _call(_load(kind, rest, folder, spec), frame, spec)
    raise _invalid(spec, "is no baseline")


def fit_rates(frame: FeatureFrame, *, by: Sequence[str], prior_rows: float = 20.0) -> RateTable:
    """How often the target was true for each combination of columns, drawn towards the overall rate where rows are few.

    Args:
        frame: Rows to fit on, at least one; every target known.
        by: Names of features; none for the overall rate alone.
        prior_rows: How many rows of the overall rate each combination is given, >= 0.

    Raises:
        InvalidProject: If there is no such feature.
    """
    absent = [name for name in by if name not in frame.names]
    if absent:
        raise InvalidProject(
            f"goal.baseline: there is no feature {absent[0]!r}",
            remedy=f"use features of the project: {', '.join(frame.names)}",
            field="goal.baseline",
        )
    truth = frame.truth
    overall = float(truth.mean())
    rendered = [[render_key(value) for value in frame.features[name].to_pylist()] for name in by]
    combinations = list(zip(*rendered, strict=True)) if by else []
    names = sorted(set(combinations))
    place_of = {combination: place for place, combination in enumerate(names)}
    place = np.array([place_of[one] for one in combinations], dtype=np.int64)
    rows = np.bincount(place, minlength=len(names))
    hits = np.bincount(place, weights=truth[: len(place)], minlength=len(names))
    rate = (hits + overall * prior_rows) / (rows + prior_rows)
    return RateTable(keys=tuple(by), rates=dict(zip(names, rate.tolist(), strict=True)), default=overall)


class _CleanLoader(SourceFileLoader):
    """Runs a file and leaves no compiled copy beside it: the project's folder stays as its owner left it."""

    def set_data(self, path: str, data: object, *, _mode: int = 0o666) -> None:
        """Write nothing."""


def _load(module: str, function: str, folder: Path, spec: str) -> Callable[[FeatureFrame], object]:
    path = (folder / Path(*module.split("."))).with_suffix(".py")
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        raise _invalid(spec, f"names {path.name}, and there is no such file in the project's folder")
    loader = _CleanLoader(f"shipworthy_project_{module.replace('.', '_')}", str(path))
    found = importlib.util.spec_from_file_location(loader.name, path, loader=loader)
    assert found is not None  # only a location without a loader gives none
    loaded = importlib.util.module_from_spec(found)
    try:
        loader.exec_module(loaded)
    except _MISTAKES_IN_CALL as error:
        raise _invalid(spec, f"cannot be loaded: {type(error).__name__}: {error}") from error
    made = getattr(loaded, function, None)
    if not callable(made):
        raise _invalid(spec, f"names {function!r}, and {path.name} has no such function")
    return made  # type: ignore[no-any-return]


def _call(function: Callable[[FeatureFrame], object], frame: FeatureFrame, spec: str) -> RateTable:
    try:
        table = function(frame)
    except _MISTAKES_IN_CALL as error:
        raise _invalid(spec, f"failed: {type(error).__name__}: {error}") from error
    if not isinstance(table, RateTable):
        raise _invalid(spec, f"returned {type(table).__name__}, not a RateTable")
    return table


def _invalid(spec: str, what: str) -> InvalidProject:
    return InvalidProject(
        f"goal.baseline: {spec!r} {what}",
        remedy="write 'constant', 'rate: column, column', or 'module:function' of a file in the project's folder whose "
        "function takes the frame and returns fit_rates(frame, by=...)",
        field="goal.baseline",
    )
