"""What a gate found about the seeded package: one verdict that passes, one that does not."""

import random

from shipworthy.core.findings import Finding, Status

__all__ = ["failed_findings", "findings"]


def findings() -> tuple[Finding, ...]:
    rng = random.Random(3)
    bins = [round(0.05 + 0.1 * i, 2) for i in range(10)]
    return (
        Finding(
            check="contract",
            status=Status.PASSED,
            message="All 41 rules of 3 contracts hold on 366,213 rows.",
            measured=0,
            threshold="= 0 breaches",
        ),
        Finding(
            check="leakage.single_feature",
            status=Status.PASSED,
            message="The strongest single feature, origin_late_share_180, reaches AUC 0.671 alone (<= 0.9).",
            measured=0.671,
            threshold="<= 0.9",
            unit="AUC",
            evidence={
                "picture": "single_feature_auc",
                "features": ["origin_late_share_180", "departure_hour", "visibility"],
                "auc": [0.671, 0.64, 0.58],
                "limit": 0.9,
            },
        ),
        Finding(
            check="overfit",
            status=Status.PASSED,
            message="Skill falls by 0.021 from training to validation (<= 0.1).",
            measured=0.021,
            interval=(0.004, 0.038),
            threshold="<= 0.1",
            unit="skill",
        ),
        Finding(
            check="underfit",
            status=Status.PASSED,
            message="Log loss is 0.074 below that of a constant (>= 0.01).",
            measured=0.074,
            threshold=">= 0.01",
            unit="nats",
        ),
        Finding(
            check="calibration",
            status=Status.PASSED,
            message="Calibration error is 0.0076 (<= 0.03).",
            measured=0.0076,
            interval=(0.0061, 0.0142),
            threshold="<= 0.03",
            evidence={
                "picture": "calibration",
                "edges": [i / 10 for i in range(11)],
                "said": bins,
                "happened": [round(b + rng.uniform(-0.01, 0.01), 3) for b in bins],
                "count": [9000, 7000, 5200, 3300, 2400, 1700, 1200, 800, 500, 200],
            },
        ),
        Finding(
            check="parity.onnx",
            status=Status.PASSED,
            message="Largest difference between LightGBM and ONNX is 4.1e-07 on 2,000 rows (<= 1e-05).",
            measured=4.1e-7,
            threshold="<= 1e-05",
        ),
        Finding(
            check="parity.http",
            status=Status.PASSED,
            message="Largest difference between ONNX and the server is 0 on 2,000 rows (<= 1e-06).",
            measured=0.0,
            threshold="<= 1e-06",
        ),
        Finding(
            check="golden",
            status=Status.PASSED,
            message="64 of 64 golden rows are answered as expected.",
            measured=64,
            threshold="= 64",
            unit="rows",
        ),
        Finding(
            check="latency",
            status=Status.WARNED,
            message="p99 of one row is 8.4 ms, within the budget of 10 ms by less than a fifth.",
            measured=8.4,
            threshold="<= 10",
            unit="ms",
            remedy="take a smaller candidate such as lightgbm-31, or raise goal.budgets.latency_p99_ms",
            evidence={
                "picture": "latency",
                "unit": "ms",
                "budget": 10.0,
                "p50": 0.9,
                "p99": 8.4,
                "sorted": [0.7 + 0.002 * i + (7.5 * (i / 100) ** 40) for i in range(101)],
            },
        ),
        Finding(
            check="memory",
            status=Status.PASSED,
            message="The packaged server holds 96 MB (<= 200 MB).",
            measured=96.0,
            threshold="<= 200",
            unit="MB",
        ),
        Finding(
            check="value",
            status=Status.PASSED,
            message="Value is $34.7k per 1,000 flights, $33.6k over the baseline (>= baseline + 10000).",
            measured=34_690.0,
            interval=(27_900.0, 42_300.0),
            threshold=">= 11070",
            unit="USD per 1,000 flights",
            evidence={
                "picture": "bars",
                "unit": "USD per 1,000 flights",
                "threshold": 11_070.0,
                "bars": [["baseline", 1_070.0], ["lightgbm-63", 34_690.0]],
            },
        ),
        Finding(check="slices", status=Status.SKIPPED, message="No slice was named in the project file."),
    )


def failed_findings() -> tuple[Finding, ...]:
    leak = Finding(
        check="leakage.single_feature",
        status=Status.FAILED,
        message="dep_delay alone reaches AUC 0.952 (<= 0.9): it is known only after the decision.",
        measured=0.952,
        interval=(0.947, 0.957),
        threshold="<= 0.9",
        unit="AUC",
        remedy="leave dep_delay out of features.sql, or take its value as of decision_time with the as-of join",
        evidence={"picture": "table", "columns": ["feature", "auc"], "rows": [["dep_delay", 0.952], ["carrier", 0.58]]},
    )
    broken = Finding(
        check="latency",
        status=Status.ERRORED,
        message="The packaged server did not start within 20 s.",
        remedy="look at the log of the server: `shipworthy test --verbose`",
    )
    return (leak, broken, *[one for one in findings() if one.check not in {"leakage.single_feature", "latency"}])
