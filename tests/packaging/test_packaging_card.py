"""The papers of a package: its card and its bill of materials."""

import json
from dataclasses import replace

import pytest
import yaml

from shipworthy.core.findings import Finding, Status, Verdict
from shipworthy.packaging.card import model_card
from shipworthy.packaging.package import open_package
from shipworthy.packaging.write import write_package

FINDINGS = (
    Finding(
        check="good_enough.value_per_1000",
        status=Status.PASSED,
        message="value_per_1000 over the baseline is 33,620",
        measured=33620.0,
        interval=(26840.0, 41390.0),
        threshold=">= baseline + 10000",
        unit="USD per 1,000 flights",
    ),
    Finding(
        check="overfit", status=Status.WARNED, message="a gap | of 0.1", measured=0.1, remedy="<b>fewer</b> leaves"
    ),
    Finding(check="contract", status=Status.SKIPPED, message="no contract"),
)


RUN = {
    "author": "ops@example.com",
    "data": [{"source": "flights", "rows": 336776, "digest": "ab12"}],
    "validation": {
        "from": "2013-09-01",
        "to": "2013-09-30",
        "rows": 27000,
        "blocks": 30,
        "train_from": "2013-01-01",
        "train_to": "2013-08-30",
        "train_rows": 225000,
        "gap_rows": 900,
    },
    "candidates": [
        {"name": "constant", "kind": "baseline", "metrics": {"auc": {"estimate": 0.5, "low": None, "high": None}}},
        {
            "name": "leaves-31",
            "kind": "lightgbm",
            "metrics": {"auc": {"estimate": 0.79, "low": 0.77, "high": 0.81, "blocks": 30}},
            "proposed": True,
        },
    ],
    "sentence": "leaves-31 earns most.",
    "seed": 0,
}


def write_card(home, run):
    package = open_package(home)
    verdict = Verdict(gate="standard", subject=package.content_digest, findings=FINDINGS)
    return model_card(package, verdict=verdict, run=run)


@pytest.fixture
def card(home):
    return write_card(home, RUN)


def test_the_card_says_what_for_how_good_and_where_it_ends(card):
    for text in (
        "Will it be late?",
        "protect it",
        "ops@example.com",
        "| acted | 750 USD | -250 USD |",
        "33,620 [26,840, 41,390] USD per 1,000 flights",
        "| flights | 336,776 | `ab12` |",
        "225,000 rows of 2013-01-01 to 2013-08-30",
        "| **leaves-31** | lightgbm | 0.79 [0.77, 0.81] |",
        "| constant | baseline | 0.5 |",
        "leaves-31 earns most.",
        "- a gap \\| of 0.1 &lt;b>fewer&lt;/b> leaves",
        "- no contract",
    ):
        assert text in card


def test_the_front_matter_is_what_a_hub_reads(card):
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["library_name"] == "onnx"
    (result,) = front["model-index"][0]["results"]
    assert result["metrics"][0] == {
        "type": "value_per_1000",
        "name": "good_enough.value_per_1000",
        "value": 33620.0,
    }


def test_every_row_of_a_table_has_as_many_cells_as_its_head(card):
    lines = [line.replace("\\|", "") for line in card.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {4, 6}


def test_a_run_that_tells_nothing_still_gives_a_card(home):
    card = write_card(home, {})
    assert "The run names no source." in card
    assert "Author" not in card


def test_the_bill_of_materials_lists_every_pinned_library_once(home):
    bom = json.loads(open_package(home).files["bom.cdx.json"])
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.7")
    assert [one["purl"] for one in bom["components"]] == ["pkg:pypi/numpy@2.4.6", "pkg:pypi/onnx@1.23.2"]
    assert bom["dependencies"] == [{"ref": "model", "dependsOn": ["pkg:pypi/numpy@2.4.6", "pkg:pypi/onnx@1.23.2"]}]
    component = bom["metadata"]["component"]
    assert component["type"] == "machine-learning-model"
    assert component["modelCard"]["modelParameters"]["inputs"] == [{"format": "hour: FP64"}, {"format": "wind: FP64"}]
    assert bom["serialNumber"].startswith("urn:uuid:")


def test_names_in_a_lock_are_written_as_package_addresses_want_them(contents, store):
    lock = "Foo_Bar[extra]==1.0 ; python_version < '4'\n-e .\nzope.interface==7.2\nunpinned>=1\n"
    package = open_package(store / write_package(replace(contents, environment_lock=lock), store))
    found = [one["purl"] for one in json.loads(package.files["bom.cdx.json"])["components"]]
    assert found == ["pkg:pypi/foo-bar@1.0", "pkg:pypi/zope-interface@7.2"]


def test_a_package_that_does_not_know_when_it_was_made_has_a_bill_without_a_date(contents, store):
    package = open_package(store / write_package(replace(contents, origin={}), store))
    assert "timestamp" not in json.loads(package.files["bom.cdx.json"])["metadata"]
