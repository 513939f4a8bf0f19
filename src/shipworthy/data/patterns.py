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
_ENDLESS = re.compile(r"[*+]|\{[0-9]*,\}")
_QUANTIFIERS = frozenset("*+?{}")
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
    pieces = _PIECE.findall(pattern)
    if _repeats_within_a_repeat(pieces):
        raise ValueError("a repeat within a repeat, such as '(a+)+', takes for ever on some texts")
    rewritten = "".join(_rewritten(piece) for piece in pieces)
    try:
        return re.compile(rewritten, re.ASCII)
    except re.error as error:
        raise ValueError(f"it is no regular expression: {error}") from error


def _repeats_within_a_repeat(pieces: list[str]) -> bool:
    """Whether a group that may repeat without end is repeated without end itself.

    Python tries every way to share a text out between the two, which a caller could make last for years.
    """
    groups = [False]
    for place, piece in enumerate(pieces):
        behind = "".join(pieces[place + 1 : place + 10])
        if piece == "(":
            groups.append(False)
        elif piece == ")" and len(groups) > 1:
            inner = groups.pop()
            if inner and _ENDLESS.match(behind):
                return True
            groups[-1] |= inner or bool(_ENDLESS.match(behind))
        elif piece not in _QUANTIFIERS:
            groups[-1] |= bool(_ENDLESS.match(behind))
    return False


def _rewritten(piece: str) -> str:
    r"""In Python ``$`` also stands before a final line break, and ``\s`` takes in the vertical tab."""
    if piece == "$":
        return r"\Z"
    if piece in {r"\s", r"\S"}:
        return f"[^{_SPACES}]" if piece == r"\S" else f"[{_SPACES}]"
    if piece.startswith("[") and ("[" in piece[1:] or r"\S" in piece):
        raise ValueError(f"the class {piece} is not the same in every engine")
    return piece.replace(r"\s", _SPACES) if piece.startswith("[") else piece
