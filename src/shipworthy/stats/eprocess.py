"""Evidence that may be looked at after every request: is the canary worse than the champion?

An event (an error, a time-out, a slow answer) came from the canary with the probability of its share of the
traffic at that moment, whatever the base rate, if both are equally good. An e-process bets against that; when
it exceeds 1 / alpha, the chance that they are equally good was at most alpha, however often one looked.
"""

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["ODDS_RATIOS", "Evidence", "mean_e_value"]

ODDS_RATIOS: Final = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Evidence so far that events are more frequent in the canary, as six numbers.

    Valid while the canary's share is decided before each event is seen (ramps are fine), requests are assigned
    one by one at random, and events are rare. It is one-sided: a better canary gives no evidence.

    Attributes:
        log_bets: Natural logarithm of the wealth of the bet on each odds ratio of :data:`ODDS_RATIOS`.
        canary: Events of the canary so far.
        champion: Events of the champion so far.

    Source:
        M. Lindon & A. Malek (2022), Anytime-valid inference for multinomial count data, NeurIPS; the equal
        mixture over odds ratios is ours; J. Ville (1939) for the bound.

    >>> worse = Evidence().add(canary=20, champion=4, share=0.5)
    >>> worse.e_value > 20, worse.crossed(alpha=0.05)
    (True, True)
    """

    log_bets: tuple[float, ...] = (0.0,) * len(ODDS_RATIOS)
    canary: int = 0
    champion: int = 0

    def __post_init__(self) -> None:
        if len(self.log_bets) != len(ODDS_RATIOS):
            raise ValueError(f"{len(self.log_bets)} bets for {len(ODDS_RATIOS)} odds ratios")

    def add(self, *, canary: int = 0, champion: int = 0, share: float) -> "Evidence":
        """The evidence after more events.

        Args:
            canary: New events of the canary.
            champion: New events of the champion.
            share: The canary's share of the traffic when they happened, a fraction in (0, 1).

        Raises:
            ValueError: If a count is negative or the share is no fraction strictly between 0 and 1.
        """
        if canary < 0 or champion < 0 or not 0 < share < 1:
            raise ValueError(f"{canary} and {champion} events at share {share}: give counts >= 0, 0 < share < 1")
        bets = tuple(
            bet + canary * math.log(ratio / _scale(ratio, share)) - champion * math.log(_scale(ratio, share))
            for bet, ratio in zip(self.log_bets, ODDS_RATIOS, strict=True)
        )
        return Evidence(log_bets=bets, canary=self.canary + canary, champion=self.champion + champion)

    @property
    def log_e_value(self) -> float:
        """Natural logarithm of :attr:`e_value`; never overflows."""
        top = max(self.log_bets)
        return top + math.log(sum(math.exp(bet - top) for bet in self.log_bets) / len(self.log_bets))

    @property
    def e_value(self) -> float:
        """How many times the stake the bet has become, >= 0; 1 at the start, infinite beyond 1e308."""
        return math.exp(self.log_e_value) if self.log_e_value < 709 else math.inf

    def crossed(self, *, alpha: float) -> bool:
        """Whether "equally good" can be dismissed now at level ``alpha``, a fraction in (0, 1).

        Act on the first crossing: evidence may fall again.
        """
        return self.log_e_value >= -math.log(alpha)


def mean_e_value(*evidence: Evidence) -> float:
    """The average of several e-values, itself an e-value however they depend on each other.

    Source:
        V. Vovk & R. Wang (2021), E-values: calibration, combination and applications, Annals of Statistics.
    """
    return sum(one.e_value for one in evidence) / len(evidence)


def _scale(ratio: float, share: float) -> float:
    """1 - share + ratio * share: what both likelihood ratios are divided by."""
    return 1 - share + ratio * share
