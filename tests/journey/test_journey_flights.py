"""The worked example, whole: nine months of flights make the model, three months of live traffic judge it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shipworthy.app.history import verify_ledger
from shipworthy.app.opened import open_project

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1500)]


def shipworthy(*arguments, cwd, **environment):
    """Run the command as a user would, and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "shipworthy.cli.main", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.covers("P1", "P4", "P6", "D1", "D3", "D11", "D12", "T3", "T6", "S3", "M1", "M5", "M8", "V7", "V8", "V11")
def test_the_flights_example_reaches_its_figures_on_the_months_that_were_held_out(tmp_path):
    if not (EXAMPLE / "data" / "flights.parquet").exists():
        subprocess.run([sys.executable, str(EXAMPLE / "prepare.py")], check=True)
    folder = tmp_path / "flights"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".shipworthy", "__pycache__"))

    shipped = json.loads(shipworthy("ship", ".", "--yes", "--json", cwd=folder))
    assert shipped["verdict"]["passed"]
    told = shipworthy("up", ".", "--replay", "--once", "--port", "0", "--console-port", "0", cwd=folder)
    opened = open_project(folder)
    body = opened.workspace.documents.get("performance", "flight-disruption").body
    metrics = body["metrics"]
    assert body["days"] >= 91
    assert body["labelled"] == body["predictions"] > 84_000
    assert metrics["auc"]["estimate"] >= 0.785
    assert metrics["calibration_error"]["estimate"] <= 0.02
    assert metrics["uplift_per_1000"]["low"] > 20_000
    assert "AUC" in told
    assert "uplift over the baseline" in told
    assert "95 % interval by day" in told
    assert verify_ledger(opened) >= 6
