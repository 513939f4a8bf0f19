"""Regular expressions that mean the same in Python and in every SQL engine.

Contracts give a pattern as ODCS does: it is searched for, anywhere in the text, unless it is anchored. RE2 (DuckDB)
and Python agree on most of the language; what they answer differently is refused or rewritten here.
"""

import re

__all__ = ["portable"]

_REFUSED = (
    (re.compile(r"\(\?(?!:)"), "a group with options, a name or a look around ('(?')"),
    (re.compile(r"\\[0-9]"), "a reference to a group ('\\1')"),
    (re.compile(r"\\[AZzpPCQEGKuUNX]"), "an escape such as '\\Z' or '\\u'"),
    (re.compile(r"[*+?}]\+"), "a possessive quantifier ('++')"),
)
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$|.", re.DOTALL)
_SPACES = r"\t\n\f\r "


def portable(pattern: str) -> re.Pattern[str]:
    r"""Compile ``pattern`` so that Python searches as RE2 does.

    Raises:
        ValueError: If it is no expression, or one that engines read differently; says which part.

    >>> portable("^[A-Z]{2}$").search("AB\n") is None
    True
    """
    for refused, what in _REFUSED:
        if refused.search(pattern.replace(r"\\", "  ")):
            raise ValueError(f"{what} is not the same in every engine")
    rewritten = "".join(_rewritten(piece) for piece in _PIECE.findall(pattern))
    try:
        return re.compile(rewritten, re.ASCII)
    except re.error as error:
        raise ValueError(f"it is no regular expression: {error}") from error


def _rewritten(piece: str) -> str:
    r"""In Python ``$`` also stands before a final line break, and ``\s`` takes in the vertical tab."""
    if piece == "$":
        return r"\Z"
    if piece in {r"\s", r"\S"}:
        return f"[^{_SPACES}]" if piece == r"\S" else f"[{_SPACES}]"
    if piece.startswith("[") and ("[" in piece[1:] or r"\S" in piece):
        raise ValueError(f"the class {piece} is not the same in every engine")
    return piece.replace(r"\s", _SPACES) if piece.startswith("[") else piece
