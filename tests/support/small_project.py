"""A small real project for tests: parcels that come late, 150 days of them, with days that are good and bad."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["PROJECT", "UNTIL", "parcels", "write_project"]

START = datetime(2024, 1, 1, tzinfo=UTC)
UNTIL = START + timedelta(days=120)

PROJECT = """\
apiVersion: shipworthy/v1
project: late-parcels
owner: logistics@example.com

goal:
  question: Will this parcel come late?
  decision: call the customer before it does
  why_ml: lateness follows weather and load, which no fixed rule sees
  target: late
  unit: EUR
  each: parcel
  value: {true_positive: 9, false_positive: -3, true_negative: 0, false_negative: 0}
  baseline: "rate: depot"
  good_enough: {value_per_1000: ">= baseline + 100", calibration_error: "<= 0.08"}
  budgets: {latency_p99_ms: 200, memory_mb: 400}

data:
  sources:
    parcels: {location: parcels.parquet, contract: parcels.odcs.yaml}
  key: parcel_id
  event_time: promised_at
  decision_time: promised_at - 6h
  label_delay: 1d
  until: 2024-04-30T00:00:00Z

training: {search: auto, budget: 5s, validate: time}
gate: standard
serving: {mode: http, endpoint: late-parcels, fallback: baseline}
rollout: {strategy: direct}
"""

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: parcels
version: 1.0.0
status: active
schema:
  - name: parcels
    logicalType: object
    properties:
      - {name: parcel_id, logicalType: string, required: true, unique: true, primaryKey: true}
      - {name: promised_at, logicalType: timestamp, required: true}
      - {name: depot, logicalType: string, required: true}
      - {name: load, logicalType: number, required: true, logicalTypeOptions: {minimum: 0}}
      - {name: rain_mm, logicalType: number}
      - {name: express, logicalType: boolean, required: true}
      - {name: hour, logicalType: integer, required: true, logicalTypeOptions: {minimum: 0, maximum: 23}}
      - name: late
        logicalType: boolean
"""


def parcels(days=150, per_day=60, seed=0):
    """Parcels whose lateness depends on load, rain and depot, and on the day as a whole."""
    random = np.random.default_rng(seed)
    rows = days * per_day
    day = np.repeat(np.arange(days), per_day)
    hour = random.integers(8, 20, rows)
    rain = np.repeat(random.gamma(0.6, 4, days), per_day)
    load = random.uniform(0, 1, rows) + np.repeat(random.uniform(0, 0.6, days), per_day)
    depot = random.choice(["north", "south", "west"], rows)
    express = random.random(rows) < 0.3
    slow = {"north": 0.9, "south": 0.0, "west": -0.6}
    logit = -3.2 + 2.6 * load + 0.14 * rain + np.vectorize(slow.get)(depot) - 0.8 * express
    late = random.random(rows) < 1 / (1 + np.exp(-logit))
    promised = [
        START + timedelta(days=int(d), hours=int(h), seconds=int(i % 3600))
        for i, (d, h) in enumerate(zip(day, hour, strict=True))
    ]
    gaps = random.random(rows) < 0.05
    return pa.table(
        {
            "parcel_id": [f"p{number:06d}" for number in range(rows)],
            "promised_at": pa.array(promised, pa.timestamp("us", tz="UTC")),
            "depot": depot,
            "load": load,
            "rain_mm": pa.array(rain, mask=gaps),
            "express": express,
            "hour": hour,
            "late": late,
        }
    )


def write_project(folder, *, project=PROJECT, contract=CONTRACT, rows=None):
    """Write the project into ``folder`` and give the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shipworthy.yaml").write_text(project)
    (folder / "parcels.odcs.yaml").write_text(contract)
    pq.write_table(parcels() if rows is None else rows, folder / "parcels.parquet")
    return folder
