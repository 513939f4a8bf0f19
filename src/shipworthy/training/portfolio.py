"""The learners that are tried, in this order: diverse first, so that a small budget still sees different ideas."""

from collections.abc import Mapping

from shipworthy.core.digests import Json
from shipworthy.training.boosted import Boosted
from shipworthy.training.learner import Learner
from shipworthy.training.linear import Linear

__all__ = ["standard_portfolio"]

_BOOSTED: Mapping[str, Mapping[str, Json]] = {
    "lightgbm-31": {"num_leaves": 31},
    "lightgbm-63-sparse": {"num_leaves": 63, "min_child_samples": 150, "colsample_bytree": 0.4, "reg_lambda": 5.0},
    "lightgbm-extra-trees": {"num_leaves": 63, "extra_trees": True, "min_child_samples": 50},
    "lightgbm-127": {"num_leaves": 127, "min_child_samples": 100, "colsample_bytree": 0.6},
    "lightgbm-12": {"num_leaves": 12},
}


def standard_portfolio(*, seed: int, threads: int) -> tuple[Learner, ...]:
    """Logistic regression and five shapes of LightGBM.

    Args:
        seed: Seed of every random choice.
        threads: Threads of one fit.

    Source:
        D. Salinas & N. Erickson (2024), TabRepo: a large scale repository of tabular model evaluations (arXiv
        2311.02971): a fixed portfolio beats a search from nothing at the same budget.
    """
    boosted = (
        Boosted(name=name, settings={"learning_rate": 0.05, **settings}, seed=seed, threads=threads)
        for name, settings in _BOOSTED.items()
    )
    return (Linear(), *boosted)
