"""Approvals that nobody gave: rows in the database, packages swapped on the disk, words taken out of the records."""

import json
import shutil
import sqlite3

import pytest
from support.small_project import PROJECT, write_project

from shipworthy.app.approve import approve
from shipworthy.app.gate import judge_run
from shipworthy.app.history import verify_ledger
from shipworthy.app.opened import open_project
from shipworthy.app.release import release
from shipworthy.app.train import train
from shipworthy.core.errors import InvalidPackage, Refused

pytestmark = [pytest.mark.server]

SETTINGS = 'person = "ada"\napprove_own = false\n[people]\nada = "owner"\nbob = "owner"\n'


@pytest.fixture(scope="module")
def judged_folder(tmp_path_factory):
    """A project whose package passed the gate, made by ada, approved by nobody."""
    folder = write_project(
        tmp_path_factory.mktemp("judged") / "project", project=PROJECT.replace("budget: 5s", "budget: 1s")
    )
    (folder / ".shipworthy").mkdir()
    (folder / ".shipworthy" / "workspace.toml").write_text(SETTINGS)
    opened = open_project(folder)
    judge_run(opened, run=train(opened).run)
    opened.workspace.close()
    return folder


@pytest.fixture
def folder(judged_folder, tmp_path):
    return shutil.copytree(judged_folder, tmp_path / "project")


def opened_by(folder, person):
    settings = folder / ".shipworthy" / "workspace.toml"
    settings.write_text(SETTINGS.replace('person = "ada"', f'person = "{person}"'))
    return open_project(folder)


def package_of(opened):
    return opened.newest("package")


def in_database(folder, statement, *values):
    with sqlite3.connect(folder / ".shipworthy" / "workspace.db") as database:
        assert database.execute(statement, values).rowcount == 1
    database.close()


def forged(package):
    return {
        "project": "late-parcels",
        "package": package.id,
        "verdict": package.body["verdict"],
        "person": "bob",
        "role": "owner",
        "author": "ada",
        "decision": "yes",
        "reason": "fine",
        "at": "2026-01-01T00:00:00+00:00",
    }


@pytest.mark.covers("S17", "R10")
def test_an_approval_that_stands_only_in_the_database_lets_nothing_serve(folder):
    opened = opened_by(folder, "ada")
    package = package_of(opened)
    opened.workspace.documents.add("approval", "approval-forged", forged(package))
    with pytest.raises(Refused, match="nobody has approved"):
        release(opened, package, why="now")
    assert not list((folder / ".shipworthy").glob("plans/*.json"))


@pytest.mark.covers("S17", "R10")
def test_a_no_that_was_taken_out_of_the_records_is_missed(folder):
    bob = opened_by(folder, "bob")
    package = package_of(bob)
    approve(bob, reason="fine")
    refusal = approve(bob, yes=False, reason="second thoughts")
    assert refusal["decision"] == "no"
    bob.workspace.close()
    in_database(folder, "DELETE FROM documents WHERE kind = 'approval' AND body LIKE '%second thoughts%'")
    with pytest.raises(Refused, match="that decision was taken out"):
        release(opened_by(folder, "bob"), package, why="now")


@pytest.mark.covers("S17", "R3")
def test_the_author_is_who_the_package_names_and_not_who_the_database_names(folder):
    in_database(
        folder,
        'UPDATE documents SET body = replace(body, \'"author":"ada"\', \'"author":"eve"\') WHERE kind=\'package\'',
    )
    ada = opened_by(folder, "ada")
    assert package_of(ada).body["author"] == "eve"
    with pytest.raises(Refused, match="ada made this package"):
        approve(ada, reason="mine is good")


@pytest.mark.covers("S10", "S17", "R12")
@pytest.mark.parametrize("how", ["byte", "extra", "missing", "link", "manifest", "other", "verdict"])
def test_a_package_swapped_after_its_approval_is_not_released(folder, how):
    bob = opened_by(folder, "bob")
    package = package_of(bob)
    approve(bob, reason="fine")
    alter(bob.workspace.packages / package.id, how)
    with pytest.raises((InvalidPackage, Refused)):
        release(bob, package, why="now")
    assert not list((folder / ".shipworthy").glob("plans/*.json"))


def alter(home, how):
    model = home / "model.onnx"
    if how == "byte":
        content = bytearray(model.read_bytes())
        content[len(content) // 2] ^= 1
        model.write_bytes(content)
    elif how == "extra":
        (home / "more.bin").write_bytes(b"x")
    elif how == "missing":
        (home / "baseline.json").unlink()
    elif how == "link":
        shutil.move(model, home.parent / "elsewhere.onnx")
        model.symlink_to(home.parent / "elsewhere.onnx")
    elif how == "manifest":
        (home / "manifest.json").write_bytes((home / "manifest.json").read_bytes().replace(b"{", b"{ ", 1))
    elif how == "other":
        (draft,) = home.parents[1].glob("runs/*/packages/" + "?" * 64)
        shutil.rmtree(home)
        shutil.copytree(draft, home)
    else:
        (home / "verdict.json").unlink()


@pytest.mark.covers("R8", "A9")
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM journal WHERE number = (SELECT max(number) FROM journal)",
        "DELETE FROM journal WHERE number = 2",
        "UPDATE journal SET body = replace(body, '\"ada\"', '\"eve\"') WHERE number = 2",
        "UPDATE journal SET digest = '{}' WHERE number = 3".format("0" * 64),
        "UPDATE journal SET number = 99 WHERE number = (SELECT max(number) FROM journal)",
    ],
)
def test_the_ledger_shows_a_cut_tail_a_hole_and_a_changed_word(folder, statement):
    assert verify_ledger(opened_by(folder, "ada")) >= 3
    in_database(folder, statement)
    with pytest.raises(Refused, match="is not what it was"):
        verify_ledger(opened_by(folder, "ada"))


@pytest.mark.covers("S17")
def test_a_verdict_made_better_in_the_database_is_not_the_one_inside_the_package(folder):
    bob = opened_by(folder, "bob")
    package = package_of(bob)
    body = bob.workspace.documents.get("verdict", str(package.body["verdict"])).body
    better = json.loads(json.dumps(body))
    better["verdict"]["findings"] = better["verdict"]["findings"][:1]
    bob.workspace.documents.add("verdict", "f" * 64, better)
    bob.workspace.close()
    in_database(
        folder,
        "UPDATE documents SET body = replace(body, ?, ?) WHERE kind = 'package'",
        str(package.body["verdict"]),
        "f" * 64,
    )
    with pytest.raises(Refused, match="does not hold the verdict"):
        approve(opened_by(folder, "bob"), reason="fine")
