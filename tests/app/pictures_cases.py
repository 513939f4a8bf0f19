"""Bodies of documents as pictures meet them."""

from datetime import UTC, datetime, timedelta

import numpy as np

START = datetime(2013, 10, 1, tzinfo=UTC)
EDGES = np.linspace(0, 1, 21).tolist()
UNIT = "USD per 1,000 flights"


def make_windows(days=92, *, seed=4, labels=True, failures=()):
    """A quarter of windows with the spread and skew of the flights example."""
    random = np.random.default_rng(seed)
    bodies = []
    reference = (random.beta(1.2, 6, 20_000) * 20).astype(int)
    for day in range(days):
        rows = int(random.integers(850, 1_000))
        storm = float(random.gamma(0.8, 40))
        scores = (random.beta(1.2, 6 - min(storm / 40, 4), rows) * 20).astype(int)
        outcomes = {"ok": rows, "invalid": int(random.integers(0, 5))}
        if day in failures:
            outcomes["error"] = 3
        bodies.append(
            {
                "endpoint": "flights",
                "start": (START + timedelta(days=day)).isoformat(),
                "end": (START + timedelta(days=day + 1)).isoformat(),
                "mature": labels,
                "requests": sum(outcomes.values()),
                "outcomes": outcomes,
                "latency_ms": {"p50": 0.4 + 0.1 * float(random.random()), "p99": 1.5 + 2 * float(random.random())},
                "scores": {
                    "edges": EDGES,
                    "counts": np.bincount(scores, minlength=20)[:20].tolist(),
                    "reference": np.bincount(reference, minlength=20)[:20].tolist(),
                },
                "predictions": rows,
                "labelled": rows if labels else 0,
                "value_total": rows * storm if labels else None,
                "baseline_value_total": rows * float(random.normal(1, 8)) if labels else None,
            }
        )
    return bodies


def make_run():
    """A run with a baseline and four models, one proposed."""

    def candidate(name, kind, value, latency, *, proposed=False):
        interval = {"estimate": value, "low": value - 6_000, "high": value + 7_000, "blocks": 28}
        return {
            "name": name,
            "kind": kind,
            "proposed": proposed,
            "latency_us": latency,
            "metrics": {"value_per_1000": interval},
        }

    return {
        "candidates": [
            candidate("baseline", "baseline", 1_070, 3),
            candidate("linear", "linear", 19_500, 6),
            candidate("lightgbm-31", "lightgbm", 34_690, 21, proposed=True),
            candidate("lightgbm-63", "lightgbm", 35_100, 58),
            candidate("lightgbm-127", "lightgbm", 34_200, 95),
        ],
        "sentence": "lightgbm-31 is the cheapest within one standard error of the best.",
    }


FINDINGS = {
    "calibration": {
        "said": [0.05, 0.15, 0.25, 0.34, 0.45, 0.55, 0.65, 0.74, 0.85, None],
        "happened": [0.045, 0.16, 0.27, 0.35, 0.44, 0.58, 0.66, 0.76, 0.81, None],
        "count": [46_000, 17_000, 8_000, 4_800, 3_100, 2_200, 1_500, 900, 400, 0],
        "threshold": 0.25,
    },
    "bars": {
        "unit": UNIT,
        "threshold": 10_000,
        "bars": [
            {"name": "baseline", "value": 1_070, "low": -2_100, "high": 4_000},
            {"name": "model", "value": 34_690, "low": 27_500, "high": 42_800},
            {"name": "difference", "value": 33_620, "low": 26_840, "high": 41_390},
        ],
    },
    "skill_gap": {
        "train": {"estimate": 0.24, "low": 0.2, "high": 0.28, "blocks": 200},
        "valid": {"estimate": 0.21, "low": 0.12, "high": 0.3, "blocks": 28},
        "gap": {"estimate": 0.03, "low": -0.07, "high": 0.13, "blocks": 28},
        "warn": 0.05,
        "fail": 0.2,
    },
    "single_feature_auc": {
        "features": [{"name": f"feature_{i}", "auc": 0.95 - 0.03 * i} for i in range(15)],
        "model": 0.79,
        "limit": 0.8,
    },
    "latency": {
        "unit": "ms",
        "budget": 10,
        "p50": 0.9,
        "p99": 2.4,
        "sorted": [0.6 + 0.5 * (i / 100) + (2.5 if i == 100 else 1.2 * (i / 100) ** 12) for i in range(101)],
    },
    "value_margin": {
        "unit": UNIT,
        "line": ">= baseline + 10000",
        "start": [(START + timedelta(days=day)).isoformat() for day in range(14)],
        "over_per_1000": [-9_000, -12_000, 3_000, -15_000, -8_000, -11_000, 1_500, -9_500, -14_000, -7_000]
        + [-9_000] * 4,
    },
}


def finding(kind, **evidence):
    """A finding as JSON whose evidence names the picture ``kind``."""
    return {"check": f"check.{kind}", "evidence": {"picture": kind, **(evidence or FINDINGS[kind])}}
