"""Whether the model learned anything at all."""

from statistics import NormalDist

from shipworthy.core.digests import finite_or_none
from shipworthy.core.findings import Finding, Status
from shipworthy.gates.evidence import Evidence
from shipworthy.gates.figures import bar, bounds, in_words
from shipworthy.stats.bootstrap import Interval, block_mean
from shipworthy.stats.estimates import estimate_skill
from shipworthy.stats.metrics import log_loss_per_row

__all__ = ["check_underfit"]

_LEAST_SKILL = 0.02
_ERRORS_IN_INTERVAL = 2 * NormalDist().inv_cdf(0.975)


def check_underfit(evidence: Evidence) -> tuple[Finding, ...]:
    """Hold the model's skill on its own rows, and its log loss on later ones, against the baseline.

    It fails if the skill on its own rows is under 0.02 or the baseline's log loss is no higher; it warns if the gain
    over the baseline is within one standard error.

    Picture ``bars``: ``{"unit": "skill", "threshold": 0.02, "bars": [{"name", "value", "low", "high"}]}`` for the
    model on its own rows, the model on later rows and the baseline on later rows.
    """
    train, valid = estimate_skill(evidence.train), estimate_skill(evidence.valid)
    today = estimate_skill(evidence.baseline)
    gain = block_mean(log_loss_per_row(evidence.baseline) - log_loss_per_row(evidence.valid), evidence.valid.block)
    status = _status(train, gain)
    bars = {"model, own rows": train, "model, later rows": valid, "baseline, later rows": today}
    return (
        Finding(
            check="underfit",
            status=status,
            message=(
                f"The model explains {train.estimate:.3f} of the uncertainty on its own rows; on later ones its log "
                f"loss is {in_words(gain, '.4f')} below the baseline's."
            ),
            measured=finite_or_none(train.estimate),
            interval=bounds(train),
            threshold=f">= {_LEAST_SKILL}",
            unit="skill",
            remedy="" if status is Status.PASSED else "give features that tell more, or let the model be more complex",
            evidence={
                "picture": "bars",
                "unit": "skill",
                "threshold": _LEAST_SKILL,
                "bars": [bar(name, one) for name, one in bars.items()],
                "log_loss_gain": gain.to_json(),
            },
        ),
    )


def _status(train: Interval, gain: Interval) -> Status:
    if not (train.estimate >= _LEAST_SKILL and gain.estimate > 0):
        return Status.FAILED
    standard_error = (gain.high - gain.low) / _ERRORS_IN_INTERVAL
    return Status.PASSED if gain.estimate > standard_error else Status.WARNED
