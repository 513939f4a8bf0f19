"""Names that are proofs: a SHA-256 over bytes, or over a value written in one canonical way."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["Json", "canonical_json", "digest_bytes", "digest_file", "digest_json", "finite_or_none"]

_Scalar = str | int | float | bool | None
Json = _Scalar | Sequence["Json"] | Mapping[str, "Json"]

_CHUNK = 1 << 20


def digest_bytes(content: bytes) -> str:
    """SHA-256 of ``content`` in lower-case hex (64 characters)."""
    return hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes in lower-case hex, read in pieces of 1 MiB."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            hasher.update(piece)
    return hasher.hexdigest()


def canonical_json(value: Json) -> bytes:
    """Write ``value`` as the one JSON text that stands for it: sorted keys, no spaces, UTF-8.

    Raises:
        ValueError: If a number is NaN or infinite, which JSON cannot say.

    >>> canonical_json({"b": 1, "a": [True, None]})
    b'{"a":[true,null],"b":1}'
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest_json(value: Json) -> str:
    """SHA-256 of the canonical JSON of ``value``: equal values have equal digests."""
    return digest_bytes(canonical_json(value))


def finite_or_none(number: float) -> float | None:
    """A number that JSON can hold: NaN and infinities become None."""
    return number if math.isfinite(number) else None
