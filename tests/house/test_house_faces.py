"""What users meet first: a light import, help for every command, a version that the change log knows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import shipworthy
from shipworthy.cli.main import COMMANDS, cli
from shipworthy.core import errors

ROOT = Path(__file__).parents[2]


def test_importing_shipworthy_loads_no_numpy_and_no_room():
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, shipworthy; print('numpy' in sys.modules, 'shipworthy.app' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.split() == ["False", "False"]


def test_help_loads_no_heavy_library():
    code = """
import sys, shipworthy.cli.main as m
try:
    m.main(["--help"])
except SystemExit:
    pass
print(sorted({"numpy", "pyarrow", "duckdb", "sqlalchemy", "rich", "yaml"} & set(sys.modules)))
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_a_place_in_the_docs(name):
    command = cli.get_command(None, name)
    assert command.help
    assert all(option.help for option in command.params if option.param_type_name == "option")
    assert f"## shipworthy {name}" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_the_version_is_the_change_logs_newest():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", changes, re.MULTILINE)
    assert newest[1] == shipworthy.__version__


@pytest.mark.parametrize("path", sorted((ROOT / "src" / "shipworthy").rglob("*.py")), ids=lambda p: p.stem)
def test_every_public_name_of_a_file_exists(path):
    text = path.read_text(encoding="utf-8")
    if "__all__" not in text:
        return
    names = re.search(r"__all__ = \[(.*?)\]", text, re.DOTALL)[1]
    for name in re.findall(r'"(\w+)"', names):
        assert re.search(
            rf"^(class|def|async def) {name}\b|^{name}\b.*=|^ *from .*import|^{name}:", text, re.MULTILINE
        ), name


def test_every_error_code_is_documented():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert [name for name in errors.__all__ if f"`{getattr(errors, name).code}`" not in page] == []
