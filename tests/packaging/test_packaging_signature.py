"""The signature keeps itself through JSON and refuses any other form."""

import json

import pytest

from shipworthy.core.errors import InvalidPackage
from shipworthy.packaging.signature import Datatype, Field, Packing, Signature


def test_a_signature_survives_its_own_json(contents):
    body = json.loads(json.dumps(contents.signature.to_json()))
    assert Signature.from_json(body) == contents.signature


def test_a_matrix_keeps_its_shape():
    matrix = Field(name="x", datatype=Datatype.FP32, shape=(-1, 20))
    packing = Packing(tensor="x", datatype=Datatype.FP32, fields=("x",))
    signature = Signature(inputs=(matrix,), outputs=(), packing=(packing,))
    assert Signature.from_json(signature.to_json()).inputs[0].shape == (-1, 20)


@pytest.mark.parametrize("change", [{"inputs": 3}, {"inputs": []}, {"packing": [{"tensor": "x"}]}])
def test_a_signature_of_another_form_is_an_invalid_package(contents, change):
    with pytest.raises(InvalidPackage, match=r"signature\.json"):
        Signature.from_json(contents.signature.to_json() | change)


def test_an_unknown_element_type_is_an_invalid_package(contents):
    text = json.dumps(contents.signature.to_json()).replace("FP64", "FP128")
    with pytest.raises(InvalidPackage, match="FP128"):
        Signature.from_json(json.loads(text))
