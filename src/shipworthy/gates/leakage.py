"""Whether a feature knows what nobody can know yet: too good alone, or certain in some slice."""

from dataclasses import dataclass

import numpy as np

from shipworthy.core.digests import Json
from shipworthy.core.findings import Finding, Status
from shipworthy.gates.evidence import Evidence
from shipworthy.gates.single_feature import Coded, code_features, single_auc
from shipworthy.stats.intervals import wilson_interval
from shipworthy.stats.metrics import auc

__all__ = ["check_leakage"]

_CERTAIN_AUC = 0.90
_STRONG_AUC = 0.80
_SUSPECT_AUC = 0.70
_LARGE_GAIN = 0.10
_MOST_ASKED = 3
_SHOWN = 15

_FEWEST_ROWS = 200
_FEWEST_DAYS = 5
_ONE_IN = 10

_REMEDY = "leave it out, or give it a known_at that the as-of join can hold it to"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suspect:
    name: str
    alone: float
    without: float | None

    @property
    def leaks(self) -> bool:
        beats_the_rest = self.without is not None and self.alone >= self.without
        return self.alone >= _CERTAIN_AUC or (self.alone >= _STRONG_AUC and beats_the_rest)

    def looks_odd(self, model: float) -> bool:
        if self.without is None:
            return self.alone >= _STRONG_AUC
        return self.alone >= min(self.without, _STRONG_AUC) or model - self.without > _LARGE_GAIN

    def __str__(self) -> str:
        rest = "" if self.without is None else f", a model without it {self.without:.3f}"
        return f"{self.name} (AUC {self.alone:.3f} alone{rest})"


@dataclass(frozen=True, slots=True, kw_only=True)
class _PureSlice:
    feature: str
    value: str
    rate: int
    rows: int
    days: int

    def __str__(self) -> str:
        outcome = "always" if self.rate else "never"
        return f"{self.feature} = {self.value} ({outcome} true in {self.rows:,} rows on {self.days} days)"


def check_leakage(evidence: Evidence) -> tuple[Finding, ...]:
    """Two findings that need no second training of the whole.

    ``leakage.single_feature``: a table of rates of each feature alone, fitted on training rows and judged on later
    ones. It fails for a feature with AUC >= 0.90, or >= 0.80 and no worse than a model without it; it warns for one
    >= 0.80 where nobody can tell the model without it, one from 0.70 that is as good as the model without it, or one
    whose absence costs more than 0.10.
    Picture ``single_feature_auc``: ``{"features": [{"name", "auc"}], "model", "limit"}``, the 15 best, best first.

    ``leakage.pure_slice``: it fails for a value or null of a feature with at least 200 training rows on 5 days whose
    outcome was always or never true, in training and later, and where even the far end of the Wilson interval keeps
    only a tenth of the usual uncertainty. Missing departure times are such: only cancelled flights have none.
    Picture ``table``: ``{"columns": ["feature", "value", "true", "rows", "days"], "rows": [...]}``.

    Source:
        Shipworthy's own measurements on the flights example: dep_delay alone .940, the honest model .790; arr_time
        (.736) and dep_time (.729) look innocent alone, and their nulls give them away.
    """
    coded = list(code_features(evidence))
    return _single(evidence, coded), _slices(evidence, coded)


def _single(evidence: Evidence, coded: list[Coded]) -> Finding:
    alone = {one.name: single_auc(one, evidence.train, evidence.valid) for one in coded}
    ranked = sorted(alone, key=lambda name: -alone[name])
    suspects = [_suspect(evidence, name, alone[name], place) for place, name in enumerate(ranked)]
    model = auc(evidence.valid)
    leaks = [one for one in suspects if one.leaks]
    odd = [one for one in suspects if one.alone >= _SUSPECT_AUC and one.looks_odd(model)]
    status = Status.FAILED if leaks else Status.WARNED if odd else Status.PASSED
    best = suspects[0]
    shown: list[Json] = [{"name": one.name, "auc": one.alone} for one in suspects[:_SHOWN]]
    return Finding(
        check="leakage.single_feature",
        status=status,
        message=_single_message(leaks or odd, best, status),
        measured=best.alone,
        threshold=f"< {_CERTAIN_AUC}",
        unit="AUC",
        remedy="" if status is Status.PASSED else f"{', '.join(one.name for one in leaks or odd)}: {_REMEDY}",
        evidence={
            "picture": "single_feature_auc",
            "features": shown,
            "model": None if np.isnan(model) else model,
            "limit": _CERTAIN_AUC,
        },
    )


def _single_message(named: list[_Suspect], best: _Suspect, status: Status) -> str:
    if not named:
        return f"No feature alone tells too much; the best is {best}."
    verb = "tells the outcome" if status is Status.FAILED else "looks too good"
    return f"A feature alone {verb}: {'; '.join(str(one) for one in named)}."


def _suspect(evidence: Evidence, name: str, alone: float, place: int) -> _Suspect:
    ask = evidence.auc_without is not None and place < _MOST_ASKED and alone >= _SUSPECT_AUC
    without = evidence.auc_without(name) if ask and evidence.auc_without else None
    return _Suspect(name=name, alone=alone, without=without)


def _slices(evidence: Evidence, coded: list[Coded]) -> Finding:
    pure = [found for one in coded for found in _pure_slices(evidence, one)]
    rows: list[Json] = [[one.feature, one.value, one.rate, one.rows, one.days] for one in pure[:_SHOWN]]
    if pure:
        message = f"An outcome that is certain gives a leak away: {'; '.join(str(one) for one in pure[:_SHOWN])}."
    else:
        message = f"No value of any feature with {_FEWEST_ROWS} rows or more goes with a certain outcome."
    names = dict.fromkeys(one.feature for one in pure)
    return Finding(
        check="leakage.pure_slice",
        status=Status.FAILED if pure else Status.PASSED,
        message=message,
        measured=float(len(pure)),
        threshold="<= 0",
        unit="slices",
        remedy=f"{', '.join(names)}: {_REMEDY}" if pure else "",
        evidence={"picture": "table", "columns": ["feature", "value", "true", "rows", "days"], "rows": rows},
    )


def _pure_slices(evidence: Evidence, coded: Coded) -> list[_PureSlice]:
    train, valid = evidence.train, evidence.valid
    codes = max(coded.train.max(initial=0), coded.valid.max(initial=0)) + 1
    rows = np.bincount(coded.train, minlength=codes)
    hits = np.bincount(coded.train, weights=train.truth, minlength=codes).astype(np.int64)
    later_rows = np.bincount(coded.valid, minlength=codes)
    later_hits = np.bincount(coded.valid, weights=valid.truth, minlength=codes).astype(np.int64)
    usual = float(train.truth.mean())
    found = []
    for code, value in coded.slices:
        rate = _certain(int(hits[code]), int(rows[code]), usual) if code < codes else None
        if rate is None or later_hits[code] != rate * later_rows[code]:
            continue
        days = len(np.unique(train.block[coded.train == code]))
        if days >= _FEWEST_DAYS:
            found.append(_PureSlice(feature=coded.name, value=value, rate=rate, rows=int(rows[code]), days=days))
    return found


def _certain(hits: int, rows: int, usual: float) -> int | None:
    """1 if the outcome is always true, 0 if never, None if it is not certain or too few rows say so."""
    if rows < _FEWEST_ROWS or hits not in {0, rows}:
        return None
    low, high = wilson_interval(hits, rows)
    if hits == 0:
        return 0 if high < usual / _ONE_IN else None
    return 1 if 1 - low < (1 - usual) / _ONE_IN else None
