"""The bill of materials: which model stands on which libraries, in CycloneDX 1.7."""

import re
import uuid
from collections.abc import Mapping

from shipworthy.core.digests import Json, digest_bytes
from shipworthy.packaging.signature import Signature
from shipworthy.problem.goal import Goal

__all__ = ["bill_of_materials"]

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
_SEPARATORS = re.compile(r"[-_.]+")


def bill_of_materials(
    *, model: bytes, lock: str, signature: Signature, goal: Goal, origin: Mapping[str, Json]
) -> dict[str, Json]:
    """The model and every pinned library of its environment as one CycloneDX document.

    Args:
        model: The ONNX graph.
        lock: Requirements, one ``name==version`` a line; hashes and comments are left out.
        signature: What the model takes and gives.
        goal: What it is for.
        origin: Where it comes from; ``project`` names the component, ``created_at`` dates the document.

    Returns:
        A document that is the same for the same contents, its serial number included.

    Source:
        OWASP CycloneDX 1.7, machine-learning bill of materials (ECMA-424).
    """
    digest = digest_bytes(model)
    libraries = [_library(name, release) for name, release in _pinned(lock)]
    component: dict[str, Json] = {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": str(origin.get("project", "model")),
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "modelCard": _model_card(signature, goal),
    }
    metadata: dict[str, Json] = {"component": component}
    if "created_at" in origin:
        metadata["timestamp"] = origin["created_at"]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, digest).urn,
        "version": 1,
        "metadata": metadata,
        "components": libraries,
        "dependencies": [{"ref": "model", "dependsOn": [str(one["bom-ref"]) for one in libraries]}],
    }


def _pinned(lock: str) -> list[tuple[str, str]]:
    found = (_PINNED.match(line.strip()) for line in lock.splitlines())
    return [(_SEPARATORS.sub("-", match[1]).lower(), match[2]) for match in found if match]


def _library(name: str, release: str) -> dict[str, Json]:
    purl = f"pkg:pypi/{name}@{release}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": release, "purl": purl}


def _model_card(signature: Signature, goal: Goal) -> dict[str, Json]:
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": "binary classification",
            "inputs": [{"format": f"{field.name}: {field.datatype.value}"} for field in signature.inputs],
            "outputs": [{"format": f"{field.name}: {field.datatype.value}"} for field in signature.outputs],
        },
        "considerations": {"useCases": [goal.question, goal.decision]},
    }
