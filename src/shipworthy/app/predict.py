"""Predict: ask the running endpoint about rows of a file."""

import asyncio
import json
from contextlib import closing
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from shipworthy.app.asking import record_questions, said
from shipworthy.app.client import Answer, ask_all
from shipworthy.app.opened import Opened
from shipworthy.core.digests import Json
from shipworthy.core.progress import Progress, silent
from shipworthy.engines.duckdb import DuckDbEngine

__all__ = ["predict"]


def predict(
    opened: Opened, rows: Path, *, url: str | None = None, limit: int = 1000, progress: Progress = silent
) -> list[dict[str, Json]]:
    """Ask about the first rows of a file.

    Args:
        opened: The project.
        rows: Parquet or csv file with a column per feature; further columns are left out by the endpoint.
        url: Address of the endpoint; that of this workspace's settings if None.
        limit: Most rows to ask about.
        progress: Told before reading and asking.

    Returns:
        For each row its number, request id, status, probability, decision, reason of a fallback, and error.

    Raises:
        InvalidData: If the file cannot be read.
        BackendFailed: If nobody answers at ``url``.
    """
    opened.workspace.require("predict")
    progress(f"reading {rows}")
    table = _read(rows).slice(0, limit)
    address = url or f"http://127.0.0.1:{opened.workspace.config.endpoint_port}"
    progress(f"asking {address} about {len(table):,} rows")
    ids = [opened.workspace.new_id("ask") for _ in range(len(table))]
    questions = record_questions(table, headers=[{"X-Request-Id": one} for one in ids])
    answers = asyncio.run(ask_all(address, questions, connections=4))
    return [_told(number, one, answer) for number, (one, answer) in enumerate(zip(ids, answers, strict=True))]


def _told(number: int, request_id: str, answer: Answer) -> dict[str, Json]:
    good = answer.status == 200
    first = said(answer) if good else {}
    return {
        "row": number,
        "request": answer.headers.get("shipworthy-request-id", request_id),
        "status": answer.status,
        "probability": first.get("probability"),
        "decision": first.get("decision"),
        "fallback": answer.headers.get("shipworthy-fallback", ""),
        "error": "" if good else _problem(answer),
    }


def _problem(answer: Answer) -> str:
    body = answer.json()
    return str(body.get("message") or body.get("error")) if isinstance(body, dict) else json.dumps(body)


def _read(path: Path) -> pa.Table:
    with closing(DuckDbEngine()) as engine:
        engine.attach("rows", path.name, base=path.absolute().parent)
        return engine.query(exp.select("*").from_(exp.to_identifier("rows", quoted=True)))
