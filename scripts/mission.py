"""Print every line of the mission with the tests that prove it, as a page of the docs.

Usage: python scripts/mission.py docs/mission.md

The page is its own source of the ids: the first two columns of its tables are kept, the third is written anew from the
``covers`` markers in ``tests/``.
"""

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| ([A-Z]\d+) \| (.*?) \|(?: .*\|)?$")


def main(page: Path) -> None:
    """Rewrite the third column of the page."""
    proofs = find_proofs(ROOT / "tests")
    lines = page.read_text(encoding="utf-8").splitlines()
    page.write_text("\n".join(mend(line, proofs) for line in lines) + "\n", encoding="utf-8")
    ids = [match[1] for line in lines if (match := ROW.match(line))]
    print(f"{sum(one in proofs for one in ids)} of {len(ids)} lines have tests; written to {page}")


def find_proofs(tests: Path) -> dict[str, list[str]]:
    """The tests that name an id in ``@pytest.mark.covers``, by id."""
    proofs = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for one in covered(node):
                    proofs[one].append(f"{path.relative_to(ROOT)}::{node.name}")
    return proofs


def covered(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[str]:
    """Ids in the markers of one test."""
    return [
        argument.value
        for mark in node.decorator_list
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == "covers"
        for argument in mark.args
        if isinstance(argument, ast.Constant)
    ]


def mend(line: str, proofs: dict[str, list[str]]) -> str:
    """One row with the tests that prove it."""
    match = ROW.match(line)
    if match is None:
        return line
    one, what = match.groups()
    return f"| {one} | {what} | {'<br>'.join(f'`{name}`' for name in proofs.get(one, []))} |"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
