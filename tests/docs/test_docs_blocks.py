"""What the pages show is true: blocks run, links lead somewhere, commands and options exist."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from docs_pages import DOCS, PAGES, ROOT, Block, anchors, blocks, name_of, prose, read

from shipworthy.cli.main import COMMANDS, cli
from shipworthy.data.contract import read_contract
from shipworthy.problem.reader import parse_project

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")
_TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
_WIDEST = 120


def _pages_with(*languages: str) -> list[Path]:
    return [page for page in PAGES if blocks(read(page), *languages)]


@pytest.mark.parametrize("page", _pages_with("python"), ids=name_of)
def test_every_python_block_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shared = {"__name__": "__page__"}
    for block in blocks(read(page), "python"):
        # Empty lines in front, so that a traceback names the line of the page.
        source = "\n" * (block.line - 1) + block.text
        exec(compile(source, str(page), "exec"), shared)


@pytest.mark.parametrize("page", _pages_with("yaml"), ids=name_of)
def test_every_project_and_contract_of_a_page_can_be_read(page):
    for block in blocks(read(page), "yaml"):
        place = f"{name_of(page)}, block at line {block.line}"
        if block.text.startswith("apiVersion: shipworthy/"):
            assert parse_project(block.text, file=place).name
        elif block.text.startswith("apiVersion: v3"):
            assert read_contract(block.text, file=place).properties


@pytest.mark.parametrize("page", _pages_with("json"), ids=name_of)
def test_every_json_block_is_json(page):
    for block in blocks(read(page), "json"):
        assert json.loads(block.text) is not None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_on_a_page_exists_with_its_options(page):
    for line in _commands(page):
        words = shlex.split(line, comments=True)
        if words[0] == "make":
            targets = _TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
            assert {word for word in words[1:] if "=" not in word} <= set(targets), line
        elif words[0] == "shipworthy":
            _check_command(words[1:], line)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    text = read(page)
    for _, line in prose(text):
        for link in _LINK.findall(_CODE.sub("", line)):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = unquote(link).partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{name_of(page)} links to {link}, which is not there"
            assert target.is_relative_to(ROOT), f"{name_of(page)} links out of the repository: {link}"
            if anchor:
                assert anchor in anchors(read(target)), f"{name_of(page)}: no heading for {link}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.is_relative_to(DOCS)], ids=name_of)
def test_prose_keeps_to_its_width_and_every_page_has_one_title(page):
    lines = prose(read(page))
    wide = [number for number, line in lines if len(line) > _WIDEST and not line.startswith("|")]
    assert wide == [], f"lines wider than {_WIDEST}"
    assert sum(line.startswith("# ") for _, line in lines) == 1


def test_every_page_can_be_reached_from_the_index():
    reached, open_pages = set(), [DOCS / "index.md"]
    while open_pages:
        page = open_pages.pop()
        if page in reached:
            continue
        reached.add(page)
        links = [link.partition("#")[0] for _, line in prose(read(page)) for link in _LINK.findall(line)]
        targets = [(page.parent / link).resolve() for link in links if link.endswith(".md") and ":" not in link]
        open_pages += [target for target in targets if target.is_relative_to(DOCS)]
    assert set(DOCS.rglob("*.md")) - reached == set()


def _commands(page: Path) -> Iterator[str]:
    """Every command line of the page's shell blocks and of its inline code."""
    text = read(page)
    for block in blocks(text, "sh"):
        yield from _lines(block)
    for _, line in prose(text):
        for code in _CODE.findall(line):
            if re.match(r"shipworthy [a-z]+(?!\S)(?! \|)", code):
                yield code


def _lines(block: Block) -> Iterator[str]:
    joined = re.sub(r"\\\n\s*", " ", block.text)
    for line in joined.splitlines():
        command = re.split(r" (?:\||>|&&?) ?", f"{line} ")[0].strip()
        if command and not command.startswith("#"):
            yield command


def _check_command(words: list[str], line: str) -> None:
    if words[0].startswith("-"):
        assert words[0] in {"--help", "-h", "--version"}, line
        return
    assert words[0] in COMMANDS, f"{line!r}: there is no command {words[0]!r}"
    command = cli.get_command(None, words[0])
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help", "-h"}
    given = {word.partition("=")[0] for word in words[1:] if word.startswith("-")}
    assert given <= known, f"{line!r}: {words[0]} has no option {', '.join(sorted(given - known))}"
