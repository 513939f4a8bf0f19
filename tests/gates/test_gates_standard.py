"""The standard gate as a whole: sound evidence passes, and a check that breaks blocks."""

import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from shipworthy.core.digests import canonical_json
from shipworthy.core.findings import Status, Verdict
from shipworthy.gates.standard import STANDARD, judge
from shipworthy.stats.scores import Scores

PICTURES = {"calibration", "bars", "table", "single_feature_auc", "skill_gap", "latency"}


@pytest.mark.covers("V1", "V5", "V7", "V8", "V9")
def test_sound_evidence_passes_every_check(evidence):
    verdict = judge(evidence)
    assert verdict.passed, verdict.blocking()
    assert {finding.status for finding in verdict.findings} == {Status.PASSED}
    assert verdict.subject == evidence.package.content_digest
    assert [finding.check for finding in verdict.findings] == [
        "contract.flights",
        "leakage.single_feature",
        "leakage.pure_slice",
        "overfit",
        "underfit",
        "calibration",
        "good_enough.value_per_1000",
        "golden.onnx",
        "golden.http",
        "parity.onnx",
        "parity.http",
        "latency",
        "memory",
    ]


def test_a_verdict_is_the_same_for_the_same_evidence_and_survives_its_json(evidence):
    verdict = judge(evidence)
    assert judge(evidence).digest == verdict.digest
    assert Verdict.from_json(json.loads(canonical_json(verdict.to_json()))).digest == verdict.digest


def test_every_finding_of_the_gate_convinces_with_a_picture(evidence):
    findings = judge(evidence).findings[1:]
    assert {finding.evidence["picture"] for finding in findings} == PICTURES


def test_progress_is_told_from_nothing_to_all(evidence):
    told = []
    judge(evidence, progress=lambda message, *, done=None: told.append((message, done)))
    assert [message for message, _ in told] == [f"checking {name.replace('_', ' ')}" for name in STANDARD] + ["judged"]
    assert [done for _, done in told] == sorted(done for _, done in told)
    assert told[-1][1] == 1.0


@dataclass(frozen=True)
class Broken:
    """A server that hangs up."""

    memory_mb: float = 1.0

    def predict(self, columns):
        raise ConnectionError(f"the endpoint hung up on {len(columns)} columns")

    @property
    def latencies_ms(self):
        return np.ones(500)


@pytest.mark.covers("V6")
def test_a_check_that_breaks_is_a_finding_that_blocks_and_the_others_still_run(evidence):
    verdict = judge(replace(evidence, served=Broken()))
    errored = [finding for finding in verdict.findings if finding.status is Status.ERRORED]
    assert [finding.check for finding in errored] == ["golden", "parity"]
    assert "ConnectionError: the endpoint hung up on 3 columns" in errored[0].message
    assert not verdict.passed
    assert verdict.findings[-1].status is Status.PASSED


def test_outcomes_that_are_all_alike_block_and_still_make_a_verdict_that_json_can_hold(evidence):
    never = np.zeros(len(evidence.valid), dtype=np.bool_)
    valid, baseline = (
        Scores(truth=never, probability=one.probability, block=one.block) for one in (evidence.valid, evidence.baseline)
    )
    verdict = judge(replace(evidence, valid=valid, baseline=baseline))
    assert not verdict.passed
    canonical_json(verdict.to_json())


def test_a_single_day_of_later_rows_has_no_interval_and_does_not_pass(evidence):
    first = evidence.valid.block == evidence.valid.block[0]
    valid, baseline = (
        Scores(truth=one.truth[first], probability=one.probability[first], block=one.block[first])
        for one in (evidence.valid, evidence.baseline)
    )
    one_day = replace(
        evidence, valid=valid, baseline=baseline, valid_features=evidence.valid_features.slice(0, len(valid))
    )
    verdict = judge(one_day)
    assert not verdict.passed
    canonical_json(verdict.to_json())
    overfit = next(finding for finding in verdict.findings if finding.check == "overfit")
    assert overfit.interval is None
    assert overfit.measured is not None
    assert math.isfinite(overfit.measured)


@pytest.mark.parametrize("name", ["train_features", "valid_features", "rows"])
def test_evidence_whose_rows_do_not_belong_together_is_refused(evidence, name):
    with pytest.raises(ValueError, match="rows, not"):
        replace(evidence, **{name: getattr(evidence, name).slice(1)})
