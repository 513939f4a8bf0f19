"""Settings: file, environment and flags in that order, each value with its source, unknown keys refused."""

import pytest

from shipworthy.core.config import SETTINGS, read_config
from shipworthy.core.errors import InvalidConfig


@pytest.fixture
def project(tmp_path):
    (tmp_path / ".shipworthy").mkdir()
    return tmp_path


def write(project, text):
    (project / ".shipworthy" / "workspace.toml").write_text(text)


def test_flags_win_over_the_environment_and_that_over_the_file(project):
    write(project, "endpoint_port = 1\nconsole_port = 2\nworkers = 3\n")
    config = read_config(
        project,
        environment={"PORT": "11", "SHIPWORTHY_CONSOLE_PORT": "12"},
        flags={"endpoint_port": 21, "workers": None},
    )
    assert (config.endpoint_port, config.console_port, config.workers) == (21, 12, 3)
    assert config.sources["endpoint_port"] == "flag"
    assert config.sources["console_port"] == "env SHIPWORTHY_CONSOLE_PORT"
    assert config.sources["workers"].endswith("workspace.toml")
    assert config.sources["record_policy"] == "default"
    assert config.person


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("worker = 2", "unknown key 'worker'", "did you mean 'workers'"),
        ('workers = "two"', "workers is 'two'", "give a int"),
        ("workers = 0", "workers is 0", "a count in 1..64"),
        ("endpoint_port = 70000", "endpoint_port is 70000", "0..65535"),
        ('record_policy = "maybe"', "record_policy is 'maybe'", "serve or strict"),
        ("workers = = 2", "workspace.toml", "TOML"),
        ('[people]\nada = "boss"', r"\[people\]", "owner, contributor, reader"),
    ],
)
def test_a_bad_file_is_one_clear_error(project, text, problem, remedy):
    write(project, text)
    with pytest.raises(InvalidConfig, match=problem) as caught:
        read_config(project, environment={})
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(("name", "value"), [("SHIPWORTHY_WORKERS", "many"), ("SHIPWORTHY_APPROVE_OWN", "perhaps")])
def test_a_bad_environment_variable_is_named(project, name, value):
    with pytest.raises(InvalidConfig, match=f"{name} is '{value}'"):
        read_config(project, environment={name: value})


@pytest.mark.covers("R2", "R10")
def test_strangers_are_readers_once_the_file_names_people(project):
    assert read_config(project, environment={}).role("ada") == "owner"
    write(project, 'approve_own = false\n[people]\nada = "owner"\n')
    config = read_config(project, environment={"SHIPWORTHY_APPROVE_OWN": "true"})
    assert (config.role("ada"), config.role("eve"), config.approve_own) == ("owner", "reader", True)


def test_there_are_few_settings_and_each_says_what_it_does():
    assert len(SETTINGS) <= 40
    assert all(one.help.endswith(".") for one in SETTINGS)
