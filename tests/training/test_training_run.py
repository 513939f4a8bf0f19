import os
import shutil
import subprocess
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from shipworthy.core.clock import ManualClock
from shipworthy.core.digests import canonical_json
from shipworthy.training.baseline import fit_baseline
from shipworthy.training.linear import Linear
from shipworthy.training.run import Code, Run, read_code
from shipworthy.training.search import search

NOW = datetime(2013, 10, 1, tzinfo=UTC)


@pytest.fixture
def repository(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("no git here")
    write(tmp_path, "a: 1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def git(folder, *arguments):
    name = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
    name |= {key.replace("AUTHOR", "COMMITTER"): value for key, value in name.items()}
    environment = {**os.environ, **name, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True)


def write(folder, text):
    (folder / "shipworthy.yaml").write_text(text)


@pytest.mark.covers("T14", "T18")
def test_the_record_of_a_run_holds_what_repeats_it(frame, project_of):
    project = project_of(budget_s=30.0, seed=4)
    baseline = partial(fit_baseline, "constant", folder=Path())
    found = search(frame, project, baseline=baseline, clock=ManualClock(NOW), portfolio=[Linear()])
    run = Run(
        project=project.name,
        started_at=NOW,
        finished_at=NOW,
        code=Code(commit="c0ffee", dirty=False),
        data=[{"source": "flights", "digest": "ab12", "rows": len(frame)}],
        frame=frame,
        parameters={"search": "auto"},
        seed=project.training.seed,
        environment="cd34",
        budget_s=project.training.budget_s,
        search=found,
    )
    body = run.to_json()
    assert canonical_json(body)
    assert body["code"] == {"commit": "c0ffee", "dirty": False}
    assert body["features"][0] == {"name": "carrier", "type": "string", "known_at": "static"}
    assert body["validation"]["blocks"] == 30
    assert [one["name"] for one in body["candidates"] if one["proposed"]] == [body["proposal"]]
    assert body["candidates"][0]["metrics"]["uplift_per_1000"].keys() >= {"estimate", "low", "high"}
    assert body["package"] is None


def test_a_clean_repository_names_its_commit(repository):
    code = read_code(repository)
    assert len(code.commit) == 40
    assert code.dirty is False


def test_changed_and_new_files_make_it_dirty(repository):
    write(repository, "a: 2")
    assert read_code(repository).dirty is True
    write(repository, "a: 1")
    (repository / "new.sql").write_text("select 1")
    assert read_code(repository).dirty is True


def test_reading_writes_nothing(repository):
    write(repository, "a: 2")
    index = (repository / ".git" / "index").read_bytes()
    read_code(repository)
    assert (repository / ".git" / "index").read_bytes() == index


def test_a_folder_without_git_or_without_a_commit_is_no_error(tmp_path, repository, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    empty = tmp_path.parent / f"{tmp_path.name}-empty"
    empty.mkdir()
    assert read_code(empty) == Code(commit=None, dirty=None)
    git(empty, "init", "-q")
    assert read_code(empty) == Code(commit=None, dirty=None)
    monkeypatch.setenv("PATH", "")
    assert read_code(repository) == Code(commit=None, dirty=None)
