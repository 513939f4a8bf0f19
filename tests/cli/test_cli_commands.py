"""The command line as a user meets it: exit statuses, one clear message, JSON for machines, nothing half-written."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from support.small_project import CONTRACT, PROJECT, parcels, write_project

from shipworthy.cli.main import cli, exit_status, main
from shipworthy.core.errors import BackendFailed, InvalidGoal, Refused


def run(*arguments, env=None):
    """Run a command in a process of its own: status, standard output, standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "shipworthy.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=env,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("error", "status"),
    [(InvalidGoal("x", remedy="y"), 2), (Refused("x", remedy="y"), 3), (BackendFailed("x", remedy="y"), 4)],
)
def test_the_class_of_an_error_is_the_exit_status(error, status):
    assert exit_status(error) == status


def test_a_folder_without_a_project_is_one_clear_message_in_words_or_json(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["status", str(tmp_path), "--json"])
    told = capsys.readouterr()
    assert left.value.code == 2
    assert json.loads(told.out)["error"]["code"] == "not_found"
    assert "error[not_found]" in told.err
    assert "shipworthy init DATA" in told.err


def test_an_unknown_command_or_option_is_status_2(capsys):
    for arguments in (["shipp"], ["check", "--fast"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2
    assert "No such" in capsys.readouterr().err


def test_the_schema_is_printed_and_names_every_section():
    printed = CliRunner().invoke(cli, ["schema"])
    schema = json.loads(printed.output)
    assert {"goal", "data", "serving", "training"} <= set(schema["properties"])


@pytest.mark.covers("P1", "D9")
def test_init_drafts_a_project_that_check_refuses_until_the_goal_is_filled_in(tmp_path):
    pq.write_table(parcels(days=40), tmp_path / "parcels.parquet")
    status, told, _ = run("init", str(tmp_path / "parcels.parquet"), "--into", str(tmp_path / "new"), "--json")
    assert status == 0
    files = json.loads(told)["files"]
    assert all("confirm:" in Path(path).read_text() for path in files)
    status, _, complaint = run("check", str(tmp_path / "new"))
    assert status == 2
    assert "still to be filled in" in complaint
    status, _, complaint = run("init", str(tmp_path / "parcels.parquet"), "--into", str(tmp_path / "new"))
    assert status == 2
    assert "is there already" in complaint


def test_init_on_nothing_leaves_nothing_behind(tmp_path):
    status, _, complaint = run("init", str(tmp_path / "absent.csv"), "--into", str(tmp_path / "new"))
    assert (status, (tmp_path / "new").exists()) == (2, False)
    assert "absent.csv" in complaint


@pytest.mark.covers("D12", "D13", "D16", "D20")
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda rows: rows.drop_columns(["load"]), "load"),
        (lambda rows: rows.set_column(3, "load", pa.array(["heavy"] * len(rows))), "load"),
        (lambda rows: rows.set_column(0, "parcel_id", pa.array(["same"] * len(rows))), "parcel_id"),
        (lambda rows: rows.slice(0, 0), "no rows"),
        (lambda rows: rows.set_column(7, "late", pa.array([float("nan")] * len(rows))), "late"),
    ],
    ids=["missing column", "wrong type", "repeated key", "empty file", "NaN target"],
)
def test_bad_data_is_one_message_that_names_what_and_where(tmp_path, change, named):
    folder = write_project(tmp_path / "project", rows=change(parcels(days=40)))
    status, _, complaint = run("check", str(folder))
    assert status in {2, 3}
    assert named in complaint
    assert "try:" in complaint
    assert "Traceback" not in complaint


@pytest.mark.covers("D13")
def test_a_csv_with_a_broken_row_names_file_and_line(tmp_path):
    folder = write_project(tmp_path / "project", project=PROJECT.replace("parcels.parquet", "parcels.csv"))
    rows = parcels(days=40).slice(0, 5).to_pylist()
    lines = [",".join(rows[0])] + [",".join(str(value) for value in row.values()) for row in rows]
    lines[3] += ",one,too,many"
    (folder / "parcels.csv").write_text("\n".join(lines) + "\n")
    status, _, complaint = run("check", str(folder))
    assert status == 2
    assert "parcels.csv" in complaint
    assert "line 4" in complaint


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("  question:", "  questoin:", "question"),
        ("  event_time: promised_at", "  event_time: promised_on", "promised_on"),
        ("true_positive: 9", "true_positive: -9", "goal.value"),
        ("budget: 5s", "budget: soon", "budget"),
        ('baseline: "rate: depot"', 'baseline: "rate: depott"', "depott"),
    ],
)
def test_a_bad_project_file_names_the_field(tmp_path, old, new, named):
    assert old in PROJECT
    folder = write_project(tmp_path / "project", project=PROJECT.replace(old, new), rows=parcels(days=60))
    status, _, complaint = run("train", str(folder))
    assert status == 2
    assert named in complaint
    assert "Traceback" not in complaint


def test_a_contract_that_names_an_absent_column_is_refused(tmp_path):
    extra = CONTRACT + "      - {name: weight, logicalType: number}\n"
    status, _, complaint = run("check", str(write_project(tmp_path / "project", contract=extra)))
    assert status == 3
    assert "weight" in complaint


@pytest.mark.server
def test_a_port_in_use_is_an_error_that_names_the_option(tmp_path):
    folder = write_project(tmp_path / "project")
    assert run("ship", str(folder), "--yes")[0] == 0
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, _, complaint = run("up", str(folder), "--port", port, "--console-port", "0")
        assert status == 2
        assert port in complaint
        assert "--port" in complaint
        status, _, complaint = run("up", str(folder), "--port", "0", "--console-port", port)
        assert status == 2
        assert "--console-port" in complaint
