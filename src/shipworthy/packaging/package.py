"""An opened package: verified bytes, and the nouns made from them. Light: a worker opens packages with this alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidPackage, UserError
from shipworthy.core.findings import Verdict
from shipworthy.packaging.audit import audit
from shipworthy.packaging.baseline import RateTable
from shipworthy.packaging.manifest import damaged
from shipworthy.packaging.signature import Signature
from shipworthy.problem.goal import Goal

__all__ = ["Package", "open_package"]

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One portable artefact; every byte was verified before anything was made from it.

    Attributes:
        digest: SHA-256 of the manifest; the package's name.
        content_digest: SHA-256 over all files but ``verdict.json`` and ``card.md``; what a gate judges.
        written_by: Version of Shipworthy that wrote it.
        files: Verified bytes by file name, without the manifest.
        signature: What callers send and get.
        goal: The goal that the model was made for.
        baseline: What answers when the model cannot; None if the goal's baseline is no table of rates.
        origin: Where it comes from: run, project, instants, versions.
        verdict: The gate's verdict on this content; None before the gate.
    """

    digest: str
    content_digest: str
    written_by: str
    files: Mapping[str, bytes]
    signature: Signature
    goal: Goal
    baseline: RateTable | None
    origin: Mapping[str, Json]
    verdict: Verdict | None

    @property
    def model(self) -> bytes:
        """The ONNX graph with all preprocessing inside, for a session made from bytes."""
        return self.files["model.onnx"]

    @property
    def contract_text(self) -> str:
        """The contract of a request, ODCS YAML."""
        return self.files["contract.odcs.yaml"].decode()

    @property
    def reference(self) -> bytes:
        """The profile of the training rows, Arrow."""
        return self.files["reference.arrow"]

    @property
    def golden(self) -> bytes:
        """Golden rows, Arrow; read by :func:`shipworthy.packaging.golden.read_golden`."""
        return self.files["golden.arrow"]

    @property
    def features(self) -> Json:
        """The features' expression tree."""
        return _decode(self.files, "features.json", lambda body: body)

    @property
    def environment_lock(self) -> str:
        """Every library of the training environment with its version and hashes."""
        return self.files["environment.lock"].decode()

    @property
    def card(self) -> str:
        """The model card, Markdown; empty before the gate."""
        return self.files.get("card.md", b"").decode()

    @property
    def size_bytes(self) -> int:
        """Length of all files together, in bytes, without the manifest."""
        return sum(len(content) for content in self.files.values())


def open_package(path: Path, *, expected: str | None = None) -> Package:
    """Open a package in two phases: audit every name, size and digest; only then construct.

    Args:
        path: The package's folder.
        expected: Digest that it must have; by default the folder's own name, which has to be its digest.

    Raises:
        InvalidPackage: If it is damaged, altered, incomplete, of another format, or a file inside has a wrong form.
    """
    manifest, files, digest = audit(path, expected=expected or path.absolute().name)
    verdict = _optional(files, "verdict.json", _verdict)
    if verdict and verdict.subject != manifest.content_digest:
        raise damaged("its verdict judged another package's content", file="verdict.json", subject=verdict.subject)
    return Package(
        digest=digest,
        content_digest=manifest.content_digest,
        written_by=manifest.written_by,
        files=files,
        signature=_decode(files, "signature.json", Signature.from_json),
        goal=_decode(files, "goal.json", lambda body: msgspec.convert(body, Goal)),
        baseline=_optional(files, "baseline.json", RateTable.from_json),
        origin=_decode(files, "origin.json", lambda body: msgspec.convert(body, dict)),
        verdict=verdict,
    )


def _verdict(body: Json) -> Verdict:
    return Verdict.from_json(msgspec.convert(body, dict))


def _optional(files: Mapping[str, bytes], name: str, make: Callable[[Json], _Made]) -> _Made | None:
    return _decode(files, name, make) if name in files else None


def _decode(files: Mapping[str, bytes], name: str, make: Callable[[Json], _Made]) -> _Made:
    try:
        return make(msgspec.json.decode(files[name]))
    except InvalidPackage:
        raise
    except (UserError, ValueError, TypeError, KeyError, AssertionError) as error:
        raise damaged(f"{name!r} has a wrong form: {error}", file=name) from error
