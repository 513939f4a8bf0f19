"""The manifest: name, size and SHA-256 of every file of a package; its own digest is the package's name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from shipworthy.core.digests import Json, canonical_json, digest_bytes, digest_json
from shipworthy.core.errors import InvalidPackage
from shipworthy.core.formats import PACKAGE

__all__ = ["JUDGEMENT", "MANIFEST", "MAX_MANIFEST_BYTES", "REQUIRED", "Entry", "Manifest", "damaged"]

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 64 << 10

REQUIRED = frozenset(
    {
        "model.onnx",
        "signature.json",
        "contract.odcs.yaml",
        "reference.arrow",
        "features.json",
        "golden.arrow",
        "environment.lock",
        "goal.json",
        "origin.json",
    }
)
JUDGEMENT = frozenset({"verdict.json", "card.md"})
"""What a gate adds: left out of the content digest, because a verdict names the content that it judged."""

_MAX_FILES = 64
_PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a package.

    Attributes:
        sha256: Digest of its bytes, 64 lower-case hex characters.
        size: Its length in bytes.
    """

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a package promises to hold.

    Attributes:
        written_by: Version of Shipworthy that wrote the package.
        files: Every file but the manifest itself, by its plain name.
    """

    written_by: str
    files: Mapping[str, Entry]

    @classmethod
    def of(cls, files: Mapping[str, bytes], *, written_by: str) -> "Manifest":
        """The manifest of these files."""
        entries = {name: Entry(sha256=digest_bytes(content), size=len(content)) for name, content in files.items()}
        return cls(written_by=written_by, files=entries)

    @property
    def content_digest(self) -> str:
        """SHA-256 over all entries but the judgement's: the subject of the standard gate's verdict."""
        return digest_json(_entries_json({k: v for k, v in self.files.items() if k not in JUDGEMENT}))

    def encode(self) -> bytes:
        """The bytes of ``manifest.json``: one text for one manifest."""
        body: dict[str, Json] = {"format": PACKAGE, "written_by": self.written_by, "files": _entries_json(self.files)}
        return canonical_json(body) + b"\n"

    @classmethod
    def decode(cls, content: bytes) -> "Manifest":
        """Read what :meth:`encode` wrote.

        Raises:
            InvalidPackage: If the format has another number, or the manifest is damaged, names a file that could
                lie outside the package, or lacks a required one.
        """
        try:
            number = msgspec.json.decode(content, type=_Numbered).format
            if number != PACKAGE:
                raise _of_other_format(number, content)
            body = msgspec.json.decode(content, type=_Body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise damaged(f"its manifest cannot be read: {error}", file=MANIFEST) from error
        _check_names(body.files)
        return cls(written_by=body.written_by, files=body.files)


class _Numbered(msgspec.Struct):
    format: int


class _Body(msgspec.Struct):
    written_by: str
    files: dict[str, Entry]


def _entries_json(entries: Mapping[str, Entry]) -> dict[str, Json]:
    return {name: {"sha256": entry.sha256, "size": entry.size} for name, entry in entries.items()}


def damaged(what: str, **facts: object) -> InvalidPackage:
    """The error of a package that is not what its manifest promises; ``what`` continues "the package is refused: "."""
    return InvalidPackage(
        f"the package is refused: {what}",
        remedy="fetch or write the package again; never mend it by hand",
        **facts,
    )


def _of_other_format(number: int, content: bytes) -> InvalidPackage:
    writer = msgspec.json.decode(content, type=_Written).written_by
    return InvalidPackage(
        f"the package is of format {number}, and this Shipworthy reads format {PACKAGE}",
        remedy=f"open it with Shipworthy {writer}, which wrote it, or a newer one",
        format=number,
        written_by=writer,
    )


class _Written(msgspec.Struct):
    written_by: str = "of the same age"


def _check_names(files: Mapping[str, Entry]) -> None:
    if len(files) > _MAX_FILES:
        raise damaged(f"its manifest lists {len(files)} files, more than {_MAX_FILES}", file=MANIFEST)
    for name in files:
        if not _PLAIN_NAME.fullmatch(name) or name == MANIFEST:
            raise damaged(f"its manifest lists {name!r}, which is no plain file name", file=MANIFEST)
    if missing := sorted(REQUIRED - set(files)):
        raise damaged(f"its manifest does not list {', '.join(missing)}", file=MANIFEST)
