"""Writing packages: check the parts against each other, then keep them under their digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec
import onnx
import pyarrow as pa

from shipworthy.core.digests import Json, canonical_json
from shipworthy.core.errors import InvalidPackage
from shipworthy.core.findings import Verdict
from shipworthy.packaging.audit import refuse_external_data
from shipworthy.packaging.baseline import RateTable
from shipworthy.packaging.bom import bill_of_materials
from shipworthy.packaging.golden import encode_golden
from shipworthy.packaging.package import Package
from shipworthy.packaging.signature import Signature
from shipworthy.packaging.store import keep_files
from shipworthy.problem.goal import Goal

__all__ = ["Contents", "with_verdict", "write_package"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Everything that a package holds before it is judged.

    Attributes:
        model: The ONNX graph with all preprocessing inside, serialised.
        signature: What callers send and get.
        contract: ODCS YAML of a request.
        reference: Profile of the training rows, Arrow bytes.
        features: The features' expression tree.
        golden: A column per input and output of the signature (:func:`~shipworthy.packaging.golden.golden_table`).
        environment_lock: Requirements of the training environment with versions and hashes.
        goal: The goal that the model was made for.
        baseline: What answers when the model cannot; None if there is no such table.
        origin: Where it comes from: run, project, instants, versions.
    """

    model: bytes
    signature: Signature
    contract: str
    reference: bytes
    features: Json
    golden: pa.Table
    environment_lock: str
    goal: Goal
    baseline: RateTable | None
    origin: Mapping[str, Json]


def write_package(contents: Contents, store: Path, *, verdict: Verdict | None = None, card: str | None = None) -> str:
    """Write a package; equal contents have equal digests.

    Args:
        contents: What it holds.
        store: Folder of packages; made if it is missing.
        verdict: The gate's verdict, if the content was judged already.
        card: The model card, Markdown.

    Returns:
        The package's digest: its folder in ``store`` has that name, and appears whole or not at all.

    Raises:
        InvalidPackage: If the model is no valid self-contained ONNX graph, or does not fit the signature.
        BackendFailed: If the disk is full or the folder cannot be written.
    """
    _check_model(contents.model, contents.signature)
    files = _files(contents) | _judgement(verdict, card)
    return keep_files(files, store, written_by=version("shipworthy"))


def with_verdict(package: Package, store: Path, *, verdict: Verdict, card: str) -> str:
    """Write the same content again with a gate's verdict and the model card, and give the new digest.

    Raises:
        InvalidPackage: If the verdict judged another content.
        BackendFailed: If the disk is full or the folder cannot be written.
    """
    if verdict.subject != package.content_digest:
        raise InvalidPackage(
            f"the verdict judged {verdict.subject[:12]}, but the package's content is {package.content_digest[:12]}",
            remedy="run the gate on this package",
            subject=verdict.subject,
            content=package.content_digest,
        )
    return keep_files({**package.files, **_judgement(verdict, card)}, store, written_by=package.written_by)


def _files(contents: Contents) -> dict[str, bytes]:
    files = {
        "model.onnx": contents.model,
        "signature.json": canonical_json(contents.signature.to_json()),
        "contract.odcs.yaml": contents.contract.encode(),
        "reference.arrow": contents.reference,
        "features.json": canonical_json(contents.features),
        "golden.arrow": encode_golden(contents.golden, contents.signature),
        "environment.lock": contents.environment_lock.encode(),
        "goal.json": canonical_json(msgspec.to_builtins(contents.goal)),
        "origin.json": canonical_json(contents.origin),
        "bom.cdx.json": canonical_json(
            bill_of_materials(
                model=contents.model,
                lock=contents.environment_lock,
                signature=contents.signature,
                goal=contents.goal,
                origin=contents.origin,
            )
        ),
    }
    if contents.baseline is not None:
        files["baseline.json"] = canonical_json(contents.baseline.to_json())
    return files


def _judgement(verdict: Verdict | None, card: str | None) -> dict[str, bytes]:
    files = {} if verdict is None else {"verdict.json": canonical_json(verdict.to_json())}
    return files if card is None else {**files, "card.md": card.encode()}


def _check_model(model: bytes, signature: Signature) -> None:
    refuse_external_data(model)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise InvalidPackage(
            f"model.onnx is no valid ONNX graph: {error}",
            remedy="export the model again; onnx.checker.check_model has to accept it",
            file="model.onnx",
        ) from error
    parsed = onnx.load_model_from_string(model)
    initial = {tensor.name for tensor in parsed.graph.initializer}
    takes = {value.name for value in parsed.graph.input} - initial
    gives = {value.name for value in parsed.graph.output}
    packed, promised = {one.tensor for one in signature.packing}, {field.name for field in signature.outputs}
    if takes != packed or not promised <= gives:
        raise InvalidPackage(
            f"model.onnx takes {sorted(takes)} and gives {sorted(gives)}, "
            f"but the signature packs {sorted(packed)} and promises {sorted(promised)}",
            remedy="export the graph with the signature's tensor names",
            file="model.onnx",
        )
