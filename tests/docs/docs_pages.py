"""The pages of the documentation, cut into prose, tables and fenced blocks, for tests that hold them to the code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))

_FENCE = re.compile(r"^( {0,3})(`{3,}|~{3,})(.*)$")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_ROW = re.compile(r"^\|(.*)\|\s*$")
_RULE = re.compile(r"^\|[\s:|-]+\|\s*$")
_CELLS = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: its language, its text and the line where the text begins, from 1."""

    language: str
    text: str
    line: int


def name_of(page: Path) -> str:
    """The page as people name it, relative to the repository."""
    return page.relative_to(ROOT).as_posix()


def read(page: Path | str) -> str:
    """A page by its path, or by its name below ``docs``."""
    return (DOCS / page if isinstance(page, str) else page).read_text(encoding="utf-8")


def blocks(text: str, *languages: str) -> list[Block]:
    """The fenced blocks of some languages (all if none is given), in order."""
    return [one for _, one in _parts(text) if isinstance(one, Block) and (not languages or one.language in languages)]


def prose(text: str) -> list[tuple[int, str]]:
    """Every line outside of fenced blocks, with its number from 1."""
    return [(number, one) for number, one in _parts(text) if isinstance(one, str)]


def anchors(text: str) -> set[str]:
    """What a link to a heading of this page may be, as GitHub makes them."""
    titles = [match[1] for _, line in prose(text) if (match := _HEADING.match(line))]
    return {re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).replace(" ", "-") for title in titles}


def section(text: str, heading: str) -> str:
    """The text below a heading (given as it stands, such as ``## Limits``) up to the next of its level or above."""
    level = heading.split(" ", maxsplit=1)[0]
    inside, found = False, []
    for _, part in _parts(text):
        if isinstance(part, str) and (match := re.match(r"^(#{1,6})\s", part)) and len(match[1]) <= len(level):
            inside = part.strip() == heading
        elif inside:
            found.append(part if isinstance(part, str) else f"```{part.language}\n{part.text}\n```")
    assert found, f"there is no heading {heading!r}"
    return "\n".join(found)


def rows(text: str) -> list[list[str]]:
    """The rows of all tables of a text without their heads, each a list of its cells."""
    lines = [line for _, line in prose(text)]
    found = []
    for number, line in enumerate(lines):
        is_head = number + 1 < len(lines) and _RULE.match(lines[number + 1])
        if _ROW.match(line) and not _RULE.match(line) and not is_head:
            cells = _CELLS.split(line.strip()[1:-1])
            found.append([cell.strip().replace("\\|", "|") for cell in cells])
    return found


def bare(cell: str) -> str:
    """A cell without its backticks."""
    return cell.strip().strip("`")


def _parts(text: str) -> Iterator[tuple[int, str | Block]]:
    fence, language, kept, began = "", "", [], 0
    for number, line in enumerate(text.splitlines(), start=1):
        match = _FENCE.match(line)
        if fence:
            if match and match[2].startswith(fence) and not match[3].strip():
                yield began, Block(language=language, text="\n".join(kept), line=began)
                fence = ""
            else:
                kept.append(line)
        elif match:
            fence, language, kept, began = match[2], match[3].strip().split(" ")[0], [], number + 1
        else:
            yield number, line
    assert not fence, f"the block that begins in line {began} has no end"
