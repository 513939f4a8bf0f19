"""Evidence that passes every check."""

import numpy as np
import pytest
from gates_samples import ServedInMemory, days, linear_graph, said, write

from shipworthy.core.findings import Finding, Status
from shipworthy.gates.evidence import Evidence
from shipworthy.gates.hard_rows import hard_rows
from shipworthy.packaging.package import Package
from shipworthy.stats.scores import Scores


@pytest.fixture(scope="session")
def package(tmp_path_factory) -> Package:
    return write(tmp_path_factory.mktemp("packages"), model=linear_graph())


@pytest.fixture(scope="session")
def evidence(package) -> Evidence:
    train_features, train = days(0, 150, seed=1)
    valid_features, valid = days(150, 60, seed=2)
    rows = hard_rows(valid_features, nullable={"wind", "hour", "carrier"}, rows=300)
    numbers = np.column_stack([np.asarray(rows[name].to_pylist(), dtype=float) for name in ("wind", "hour")])
    constant = np.full(len(valid), float(train.truth.mean()))
    return Evidence(
        package=package,
        contract=(Finding(check="contract.flights", status=Status.PASSED, message="all 9,000 rows keep it"),),
        train=train,
        valid=valid,
        baseline=Scores(truth=valid.truth, probability=constant, block=valid.block),
        train_features=train_features,
        valid_features=valid_features,
        rows=rows,
        framework=said(numbers),
        served=ServedInMemory(package=package),
    )
