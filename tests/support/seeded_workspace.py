"""A workspace in memory with a year's work in it: what the pages and the API are looked at with."""

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from support.seeded_findings import findings

from shipworthy.core.clock import ManualClock
from shipworthy.core.config import Config
from shipworthy.core.findings import Finding, Status, Verdict
from shipworthy.governance.ledger import Ledger
from shipworthy.governance.people import Person, Role
from shipworthy.stores.documents import MemoryDocuments
from shipworthy.stores.journal import MemoryJournal
from shipworthy.stores.records import Feedback, Record, encode_entry
from shipworthy.stores.segments import SegmentWriter

START = datetime(2013, 9, 30, 12, tzinfo=UTC)
DAYS = 62
PACKAGE = "8f" + "3c9a7e51d0b24c" * 4 + "a1b2c3"
OLD_PACKAGE = "17" + "a0b4c8d2e6f93b" * 4 + "d4e5f6"
PROJECT = "flight-disruption"


@dataclass
class SeedWorkspace:
    """What a view reads, in memory."""

    folder: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    person: Person = field(default_factory=lambda: Person(name="ada", role=Role.OWNER))

    def __post_init__(self):
        self.documents = MemoryDocuments(self.clock)
        self.ledger = Ledger(MemoryJournal(), self.clock)
        self.config = Config(
            folder=self.folder,
            database="",
            person=self.person.name,
            approve_own=True,
            endpoint_port=8080,
            console_port=8800,
            workers=1,
            record_policy="serve",
            engine_memory_mb=2000,
            people={"ada": "owner", "grace": "contributor", "edsger": "reader"},
        )

    def note(self, kind, subject, actor="ada", **facts):
        return self.ledger.record(actor=actor, kind=kind, subject=subject, facts=facts)


@dataclass
class SeedActions:
    """Remembers what it was asked to do."""

    workspace: SeedWorkspace
    done: list = field(default_factory=list)

    def approve(self, package, verdict, reason):
        self.done.append(("approve", package, verdict, reason))
        self._decide(package, verdict, reason, "yes")

    def refuse(self, package, verdict, reason):
        self.done.append(("refuse", package, verdict, reason))
        self._decide(package, verdict, reason, "no")

    def close_incident(self, incident, reason):
        self.done.append(("close", incident, reason))
        kept = self.workspace.documents.get("incident", incident)
        now = self.workspace.clock.now().isoformat()
        body = {**kept.body, "status": "closed", "closed_at": now}
        self.workspace.documents.revise("incident", incident, body, revision=kept.revision)

    def _decide(self, package, verdict, reason, decision):
        workspace = self.workspace
        number = len(workspace.documents.find("approval")) + 1
        body = {
            "project": PROJECT,
            "package": package,
            "verdict": verdict,
            "person": workspace.person.name,
            "role": workspace.person.role.value,
            "author": "grace",
            "decision": decision,
            "reason": reason,
            "at": workspace.clock.now().isoformat(),
        }
        workspace.documents.add("approval", f"approval-{number}", body)
        workspace.note(f"approval.{decision}", package, verdict=verdict, reason=reason)


GOAL = {
    "question": "Two hours before departure, will this flight be over 30 minutes late, cancelled or diverted?",
    "decision": "protect tight connections and put a standby crew on call",
    "why_ml": "the carrier-and-hour rule in use today earns next to nothing",
    "target": "disrupted",
    "value": {"true_positive": 750.0, "false_positive": -250.0, "true_negative": 0.0, "false_negative": 0.0},
    "unit": "USD",
    "each": "flight",
    "baseline": "rules:carrier_hour_rate",
    "good_enough": ["value_per_1000 >= baseline + 10000", "calibration_error <= 0.03"],
    "budgets": {"latency_p99_ms": 10.0, "memory_mb": 200.0},
}


def seeded(folder: Path) -> SeedWorkspace:
    """The workspace with everything in it, on 2 December 2013."""
    workspace = SeedWorkspace(folder)
    add_training(workspace)
    verdict = add_verdict(workspace)
    SeedActions(workspace).approve(PACKAGE, verdict, "value interval is far above the line; latency fine")
    workspace.clock.advance(timedelta(minutes=6))
    add_plans(workspace)
    add_production(workspace)
    add_incidents(workspace)
    add_records(workspace)
    return workspace


def add_project(workspace: SeedWorkspace, stage: str = "serving") -> None:
    since = workspace.clock.now().isoformat()
    body = {"owner": "ops-analytics@example.com", "folder": "examples/flights", "endpoint": PROJECT, "goal": GOAL}
    workspace.documents.add("project", PROJECT, {**body, "stage": stage, "stage_since": since})
    workspace.note("project.opened", PROJECT, owner="ops-analytics@example.com")


def add_training(workspace: SeedWorkspace) -> None:
    add_project(workspace)
    now = workspace.clock.now()
    sources = {"flights": (336_776, 19), "weather": (26_115, 15), "planes": (3_322, 9)}
    for place, (name, (rows, columns)) in enumerate(sources.items()):
        digest = f"{place}b" * 32
        body = {
            "project": PROJECT,
            "source": name,
            "location": f"data/{name}.parquet",
            "rows": rows,
            "columns": [[f"column_{i}", "DOUBLE" if i % 3 else "VARCHAR"] for i in range(columns)],
            "taken_at": now.isoformat(),
        }
        workspace.documents.add("snapshot", digest, body)
        workspace.note("snapshot.taken", digest, source=name, rows=rows)
    workspace.clock.advance(timedelta(seconds=94))
    workspace.documents.add("run", "run-20130930-120000-7k2m", run_body(now, workspace.clock.now()))
    workspace.note("run.finished", "run-20130930-120000-7k2m", actor="grace", proposal="lightgbm-63", seconds=94)


def run_body(started: datetime, finished: datetime) -> dict:
    names = [
        ("baseline", "baseline", 1_070, 0.6556, 0.4110, 0.039, 0.4, 900, 0.2),
        ("linear", "linear", 22_800, 0.752, 0.3660, 0.018, 3.1, 14_000, 4.1),
        ("lightgbm-15", "lightgbm", 31_900, 0.783, 0.3440, 0.011, 9.5, 310_000, 8.8),
        ("lightgbm-31", "lightgbm", 33_900, 0.7871, 0.3402, 0.009, 16.2, 720_000, 14.0),
        ("lightgbm-63", "lightgbm", 34_690, 0.7902, 0.3372, 0.0076, 24.8, 1_450_000, 22.5),
        ("lightgbm-127", "lightgbm", 34_400, 0.7899, 0.3375, 0.0081, 47.0, 2_900_000, 39.9),
    ]
    return {
        "project": PROJECT,
        "author": "grace",
        "started_at": started.isoformat(),
        "finished_at": finished.isoformat(),
        "code": {"commit": "4f1d9c0e2a7b" + "0" * 28, "dirty": True},
        "data": [
            {"source": "flights", "digest": "0b" * 32, "rows": 252_484},
            {"source": "weather", "digest": "1b" * 32, "rows": 26_115},
        ],
        "features": [
            {"name": "carrier", "type": "string", "known_at": None},
            {"name": "departure_hour", "type": "int64", "known_at": None},
            {"name": "origin_late_share_180", "type": "double", "known_at": "scheduled_departure + dep_delay"},
            {"name": "visibility", "type": "double", "known_at": "observed_at"},
        ],
        "parameters": {"search": "auto", "validate": "time"},
        "seed": 0,
        "environment": "e5" * 32,
        "budget_s": 60.0,
        "validation": {
            "from": "2013-08-27T04:00:00+00:00",
            "to": "2013-10-01T03:59:00+00:00",
            "rows": 31_204,
            "blocks": 35,
            "train_from": "2013-01-01T10:15:00+00:00",
            "train_to": "2013-08-25T03:59:00+00:00",
            "train_rows": 220_100,
            "gap_rows": 900,
        },
        "candidates": [
            {
                "name": name,
                "kind": kind,
                "metrics": {
                    "auc": {"estimate": auc, "low": auc - 0.012, "high": auc + 0.011, "blocks": 35},
                    "log_loss": {"estimate": loss, "low": loss - 0.02, "high": loss + 0.02, "blocks": 35},
                    "calibration_error": {"estimate": gap, "low": gap, "high": gap + 0.006, "blocks": 35},
                    "value_per_1000": {
                        "estimate": value,
                        "low": value * 0.8 - 400,
                        "high": value * 1.22 + 400,
                        "blocks": 35,
                    },
                    "uplift_per_1000": {
                        "estimate": value - 1_070,
                        "low": (value - 1_070) * 0.8,
                        "high": (value - 1_070) * 1.2,
                        "blocks": 35,
                    },
                },
                "latency_us": micro,
                "size_bytes": size,
                "seconds": seconds,
                "parameters": {"num_leaves": int(name.split("-")[1]), "learning_rate": 0.05} if "-" in name else {},
                "proposed": name == "lightgbm-63",
            }
            for name, kind, value, auc, loss, gap, micro, size, seconds in names
        ],
        "proposal": "lightgbm-63",
        "sentence": "lightgbm-63 earns most, and no cheaper candidate comes within half its interval.",
        "package": PACKAGE,
    }


def add_verdict(workspace: SeedWorkspace, found: tuple[Finding, ...] = (), package: str = PACKAGE) -> str:
    verdict = Verdict(gate="standard", subject="c0" * 32, findings=found or findings())
    now = workspace.clock.now().isoformat()
    body = {"project": PROJECT, "package": package, "run": "run-20130930-120000-7k2m", "made_at": now}
    workspace.documents.add("verdict", verdict.digest, {**body, "verdict": verdict.to_json()})
    described = {
        "project": PROJECT,
        "run": "run-20130930-120000-7k2m",
        "content_digest": "c0" * 32,
        "verdict": verdict.digest,
    }
    workspace.documents.add(
        "package", package, {**described, "author": "grace", "created_at": now, "size_bytes": 1_812_400}
    )
    workspace.note(
        "gate.judged",
        package,
        actor="grace",
        verdict=verdict.digest,
        passed=verdict.passed,
        blocking=[one.check for one in verdict.blocking()],
    )
    return verdict.digest


def add_plans(workspace: SeedWorkspace) -> None:
    old = {"project": PROJECT, "run": "", "content_digest": "d0" * 32, "verdict": None, "author": "grace"}
    old |= {"created_at": workspace.clock.now().isoformat(), "size_bytes": 402_100}
    workspace.documents.add("package", OLD_PACKAGE, old)
    for number, package, why in ((1, OLD_PACKAGE, "first release"), (2, PACKAGE, "ships lightgbm-63")):
        plan = {
            "endpoint": PROJECT,
            "number": number,
            "fallback": True,
            "approved": True,
            "salt": PROJECT,
            "variants": [{"name": "champion", "role": "champion", "package": package, "weight": 1.0}],
        }
        body = {
            "project": PROJECT,
            "endpoint": PROJECT,
            "plan": plan,
            "made_at": workspace.clock.now().isoformat(),
            "why": why,
            "approval": "ada",
            "by": "ada",
        }
        workspace.documents.add("plan", f"{PROJECT}/{number}", body)
        workspace.note("plan.published", PROJECT, plan=plan, why=why, approved_by="ada")
        workspace.clock.advance(timedelta(hours=9))


def add_production(workspace: SeedWorkspace) -> None:
    rng = random.Random(11)
    edges = [i / 20 for i in range(21)]
    reference = [int(9_000 * math.exp(-i / 3.2)) + 150 for i in range(20)]
    first = datetime(2013, 10, 1, tzinfo=UTC)
    total = labelled = 0
    for day in range(DAYS):
        start = first + timedelta(days=day)
        workspace.clock.move_to(start + timedelta(days=1, minutes=5))
        requests = int(880 + 110 * math.sin(day / 7 * 2 * math.pi) + rng.uniform(-40, 40))
        known = 0 if day == DAYS - 1 else requests - rng.randint(0, 6)
        per = rng.gauss(33, 26) if day not in {40, 41, 52} else rng.gauss(110, 20)
        per = rng.gauss(-9, 16) if 28 <= day <= 38 else per
        rule = rng.gauss(1, 9)
        failed = 3 if day == 33 else 0
        fallback = 41 if day == 33 else rng.randint(0, 1)
        invalid = rng.randint(0, 4)
        counts = [
            int(count * requests / 27_000 * rng.uniform(0.85, 1.15) * (1.6 if day > 54 and i > 8 else 1))
            for i, count in enumerate(reference)
        ]
        body = {
            "endpoint": PROJECT,
            "start": start.isoformat(),
            "end": (start + timedelta(days=1)).isoformat(),
            "mature": day < DAYS - 1,
            "requests": requests,
            "outcomes": {
                "ok": requests - failed - fallback - invalid,
                "fallback": fallback,
                "invalid": invalid,
                "error": failed,
            },
            "latency_ms": {
                "p50": 0.8 + rng.uniform(0, 0.2),
                "p99": 3.6 + rng.uniform(0, 1.8) + (8 if day == 33 else 0),
            },
            "predictions": requests - failed - invalid,
            "labelled": known,
            "maturity": known / requests,
            "acted": int(requests * 0.157),
            "happened": int(known * 0.151),
            "scores": {"edges": edges, "counts": counts, "reference": reference},
            "metrics": {
                "auc": 0.79 + rng.uniform(-0.04, 0.04) if known else None,
                "log_loss": 0.337 + rng.uniform(-0.05, 0.05) if known else None,
                "calibration_error": abs(rng.gauss(0.03, 0.01)) if known else None,
                "value_per_1000": per * 1000 + rule * 1000 if known else None,
                "baseline_value_per_1000": rule * 1000 if known else None,
                "uplift_per_1000": per * 1000 if known else None,
            },
            "value_total": (per + rule) * known if known else None,
            "baseline_value_total": rule * known if known else None,
        }
        workspace.documents.add("window", f"{PROJECT}/{start.isoformat()}", body)
        total += per * known
        labelled += known
    workspace.documents.add(
        "performance", PROJECT, performance_body(workspace.clock.now(), labelled, 1000 * total / labelled)
    )
    workspace.note("performance.computed", PROJECT, actor="controller", labelled=labelled)


def performance_body(now: datetime, labelled: int, uplift: float, calibration: float = 0.0119) -> dict:
    return {
        "endpoint": PROJECT,
        "as_of": now.isoformat(),
        "from": "2013-10-01T09:00:00+00:00",
        "to": "2013-11-30T23:00:00+00:00",
        "predictions": labelled + 900,
        "labelled": labelled,
        "maturity": 0.984,
        "overdue": 130,
        "days": DAYS - 1,
        "metrics": {
            "auc": {"estimate": 0.7884, "low": 0.777, "high": 0.799, "blocks": 61},
            "log_loss": {"estimate": 0.3391, "low": 0.311, "high": 0.366, "blocks": 61},
            "calibration_error": {"estimate": calibration, "low": 0.008, "high": 0.021, "blocks": 61},
            "value_per_1000": {"estimate": uplift + 1_050, "low": uplift - 6_000, "high": uplift + 8_500, "blocks": 61},
            "baseline_value_per_1000": {"estimate": 1_050, "low": -1_200, "high": 3_000, "blocks": 61},
            "uplift_per_1000": {"estimate": uplift, "low": uplift - 6_700, "high": uplift + 7_400, "blocks": 61},
        },
        "bars": [
            {
                "metric": "value_per_1000",
                "text": ">= baseline + 10000",
                "measured": uplift + 1_050,
                "threshold": 11_050.0,
                "cleared": uplift + 1_050 >= 11_050,
            },
            {
                "metric": "calibration_error",
                "text": "<= 0.03",
                "measured": calibration,
                "threshold": 0.03,
                "cleared": calibration <= 0.03,
            },
        ],
    }


def add_incidents(workspace: SeedWorkspace) -> None:
    opened = datetime(2013, 11, 9, 0, 5, tzinfo=UTC)
    finding = Finding(
        check="value.realised",
        status=Status.FAILED,
        message="The last 14 mature windows earned 16,402 USD per 1,000 flights under the line.",
        measured=-16_402.0,
        interval=(-24_100.0, -8_700.0),
        threshold=">= 0 over the line",
        unit="USD per 1,000 flights",
        remedy="roll back to the package before, or retrain on the newest labels",
        evidence={
            "picture": "value_margin",
            "unit": "USD per 1,000 flights",
            "line": ">= baseline + 10000",
            "start": [f"2013-10-{d:02d}T00:00:00+00:00" for d in range(20, 32)],
            "over_per_1000": [-9_000.0 - 700 * i for i in range(12)],
        },
    )
    body = {
        "project": PROJECT,
        "endpoint": PROJECT,
        "cause": "value",
        "title": "Value is under 'good enough' since 2013-10-29",
        "opened_at": opened.isoformat(),
        "closed_at": None,
        "status": "open",
        "since": "2013-10-29T00:00:00+00:00",
        "consequence": -214_300.0,
        "unit": "USD",
        "suggested": "look at what changed, roll back to the package before, or retrain on the newest labels",
        "timeline": [{"at": opened.isoformat(), "text": "Opened. The last 14 mature windows earned under the line."}],
        "findings": [finding.to_json()],
    }
    workspace.documents.add("incident", "incident-20131109-000500-x9", body)
    closed = {
        **body,
        "title": "Value was under 'good enough' since 2013-10-03",
        "status": "closed",
        "closed_at": (opened - timedelta(days=20)).isoformat(),
        "opened_at": (opened - timedelta(days=29)).isoformat(),
        "consequence": -21_000.0,
    }
    workspace.documents.add("incident", "incident-20131011-000500-a1", closed)
    workspace.note("incident.opened", "incident-20131109-000500-x9", actor="controller", cause="value")


def oip(**fields) -> bytes:
    def tensor(name, value):
        kind = "BYTES" if isinstance(value, str) else "FP64"
        return {"name": name, "shape": [1], "datatype": kind, "data": [value]}

    return msgspec.json.encode({"inputs": [tensor(name, value) for name, value in fields.items()]})


def add_records(workspace: SeedWorkspace, how_many: int = 160) -> None:
    rng = random.Random(5)
    folder = workspace.folder / "records" / PROJECT / "segments"
    folder.mkdir(parents=True, exist_ok=True)
    end = workspace.clock.now()
    entries = []
    for i in range(how_many):
        at = end - timedelta(minutes=9 * (how_many - i))
        outcome = "ok" if i % 17 else "fallback"
        outcome = {38: "invalid", 77: "error", 100: "rejected", how_many - 3: "invalid", how_many - 7: "error"}.get(
            i, outcome
        )
        errors = {
            "invalid": ("InvalidRequest", "field 'carrier' is missing: send it as a string", 400),
            "error": (
                "RuntimeException",
                "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code while running TreeEnsemble",
                500,
            ),
            "rejected": ("Overloaded", "the queue is longer than 250 ms: try again in 1 s", 429),
        }.get(outcome, ("", "", 200))
        said = outcome in {"ok", "fallback"}
        probability = round(min(0.98, rng.expovariate(6.5)), 5)
        entries.append(
            Record(
                request_id=f"{rng.getrandbits(64):016x}",
                at_ns=int(at.timestamp() * 1e9),
                received_ns=int(at.timestamp() * 1e9),
                endpoint=PROJECT,
                variant="champion" if outcome != "invalid" else "",
                package=PACKAGE,
                plan=2,
                route=f"/v2/models/{PROJECT}/infer",
                protocol="oip",
                status=errors[2],
                outcome=outcome,
                rows=1,
                input=oip(
                    carrier=rng.choice(["UA", "EV", "B6", "DL"]),
                    origin="EWR",
                    departure_hour=float(rng.randint(5, 22)),
                    visibility=10.0,
                    origin_late_share_180=round(rng.random() * 0.4, 4),
                ),
                content_type="application/json",
                probability=[probability] if said else [],
                decision=[probability >= 0.25] if said else [],
                error_type=errors[0],
                error_message=errors[1],
                stack_digest="ab" * 32 if outcome == "error" else "",
                queue_us=rng.randint(5, 90),
                run_us=rng.randint(20, 80),
                total_us=rng.randint(200, 1_400),
                fallback_reason="the model did not answer within 50 ms" if outcome == "fallback" else "",
            )
        )
    labels = [
        Feedback(
            request_id=one.request_id,
            row=0,
            outcome=rng.random() < one.probability[0],
            observed_ns=one.at_ns + 3_600 * 10**9,
            received_ns=one.at_ns + 86_400 * 10**9,
            source="ops",
        )
        for one in entries[:90]
        if one.probability
    ]
    write_entries(folder, [*entries, *labels])


def write_entries(folder: Path, entries: list) -> None:
    writer = SegmentWriter(folder, "seed")
    for entry in entries:
        writer.append(encode_entry(entry))
    writer.commit()
    writer.close()
