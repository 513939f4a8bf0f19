"""Whether the model learned its own rows by heart."""

import math

from shipworthy.core.digests import finite_or_none
from shipworthy.core.findings import Finding, Status
from shipworthy.gates.evidence import Evidence
from shipworthy.gates.figures import bounds, in_words
from shipworthy.stats.bootstrap import Interval
from shipworthy.stats.estimates import estimate_skill

__all__ = ["check_overfit", "skill_gap"]

_WORTH_A_LOOK = 0.05
_TOO_WIDE = 0.20


def skill_gap(train: Interval, valid: Interval) -> Interval:
    """Skill on own rows minus skill on later rows, with an interval from the two intervals.

    Source:
        G. Y. Zou & A. Donner (2008), Construction of confidence limits about effect measures: a general approach,
        Statistics in Medicine 27, equation 3, for independent samples.
    """
    gap = train.estimate - valid.estimate
    low = gap - math.hypot(train.estimate - train.low, valid.high - valid.estimate)
    high = gap + math.hypot(train.high - train.estimate, valid.estimate - valid.low)
    return Interval(estimate=gap, low=low, high=high, blocks=min(train.blocks, valid.blocks))


def check_overfit(evidence: Evidence) -> tuple[Finding, ...]:
    """Compare skill (1 - log loss / log loss of the base rate) on the model's own rows and on later ones.

    It fails if the gap is over 0.20, or if the interval of the skill on later rows holds 0; it warns if the gap's
    interval lies above 0.05. Skill takes out the base rate, so that periods can be compared.

    Picture ``skill_gap``: ``{"train": I, "valid": I, "gap": I, "warn": 0.05, "fail": 0.2}``, each I being
    ``{"estimate", "low", "high", "blocks"}``.

    Source:
        Shipworthy's own measurements on the flights example: leaves 31 give [-.07, .17], 1,000 give [.46, .72].
    """
    train, valid = estimate_skill(evidence.train), estimate_skill(evidence.valid)
    gap = skill_gap(train, valid)
    status = _status(gap, valid)
    message = (
        f"The model explains {train.estimate:.3f} of the uncertainty on its own rows and {in_words(valid)} "
        f"on later ones: a gap of {in_words(gap)}."
    )
    return (
        Finding(
            check="overfit",
            status=status,
            message=message,
            measured=finite_or_none(gap.estimate),
            interval=bounds(gap),
            threshold=f"<= {_TOO_WIDE}",
            unit="skill",
            remedy="" if status is Status.PASSED else "use a simpler model (fewer leaves, larger leaves) or more days",
            evidence={
                "picture": "skill_gap",
                "train": train.to_json(),
                "valid": valid.to_json(),
                "gap": gap.to_json(),
                "warn": _WORTH_A_LOOK,
                "fail": _TOO_WIDE,
            },
        ),
    )


def _status(gap: Interval, valid: Interval) -> Status:
    # Written so that NaN (outcomes all alike) fails: nothing was shown then.
    if not (gap.estimate <= _TOO_WIDE and valid.low > 0):
        return Status.FAILED
    return Status.WARNED if gap.low > _WORTH_A_LOOK else Status.PASSED
