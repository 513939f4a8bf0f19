"""A package opens as it was written, or is refused before anything is made from it."""

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pytest

from shipworthy.core.digests import digest_bytes
from shipworthy.core.errors import InvalidPackage
from shipworthy.core.findings import Finding, Status, Verdict
from shipworthy.packaging.golden import golden_table, read_golden
from shipworthy.packaging.manifest import JUDGEMENT, REQUIRED, Manifest
from shipworthy.packaging.package import open_package
from shipworthy.packaging.store import keep_files, list_packages
from shipworthy.packaging.write import with_verdict, write_package


def verdict_on(subject):
    fine = Finding(check="latency", status=Status.PASSED, message="p99 is 2 ms", measured=2.0, interval=(1.0, 3.0))
    return Verdict(gate="standard", subject=subject, findings=(fine,))


def renamed(home):
    """The same folder under the digest that its manifest has now: a consistent forgery."""
    digest = digest_bytes((home / "manifest.json").read_bytes())
    return home.rename(home.parent / digest)


def rewritten(home, change):
    """Change the manifest's JSON and rename the folder to fit."""
    path = home / "manifest.json"
    body = json.loads(path.read_text())
    change(body)
    path.write_text(json.dumps(body))
    return renamed(home)


def test_a_package_opens_as_it_was_written(home, contents):
    package = open_package(home)
    assert package.digest == home.name
    assert package.model == contents.model
    assert package.signature == contents.signature
    assert package.goal == contents.goal
    assert package.baseline == contents.baseline
    assert package.origin == contents.origin
    assert package.features == contents.features
    assert package.contract_text == contents.contract
    assert package.environment_lock == contents.environment_lock
    assert package.reference == contents.reference
    assert (package.verdict, package.card) == (None, "")
    assert package.size_bytes == sum(path.stat().st_size for path in home.iterdir() if path.name != "manifest.json")


def test_golden_rows_come_back_in_their_two_halves(home, contents):
    package = open_package(home)
    golden = read_golden(package.golden, package.signature)
    assert golden.inputs == {"hour": [1.0, None, -3.0], "wind": [0.5, 2.0, 0.0]}
    assert golden.outputs["decision"].tolist() == [True, False, False]
    assert golden.outputs["probability"][0] == pytest.approx(0.81757)


@pytest.mark.covers("TRUST-S23")
def test_equal_contents_have_equal_digests_and_others_another(contents, tmp_path):
    first, second = write_package(contents, tmp_path / "a"), write_package(contents, tmp_path / "b")
    assert first == second
    assert write_package(replace(contents, contract="kind: another\n"), tmp_path / "a") != first
    assert write_package(replace(contents, baseline=None), tmp_path / "a") != first


def test_a_verdict_changes_the_digest_and_not_the_content(home, store):
    plain = open_package(home)
    verdict = verdict_on(plain.content_digest)
    sealed = open_package(store / with_verdict(plain, store, verdict=verdict, card="# Card\n"))
    assert sealed.digest != plain.digest
    assert sealed.content_digest == plain.content_digest
    assert sealed.verdict == verdict
    assert sealed.verdict.digest == verdict.digest
    assert sealed.card == "# Card\n"
    assert list_packages(store) == tuple(sorted([plain.digest, sealed.digest]))


@pytest.mark.covers("TRUST-S17")
def test_a_verdict_on_another_content_is_refused_when_sealing_and_when_opening(home, store):
    plain = open_package(home)
    with pytest.raises(InvalidPackage, match="the verdict judged"):
        with_verdict(plain, store, verdict=verdict_on("ab" * 32), card="")
    forged = {**plain.files, "verdict.json": json.dumps(verdict_on("ab" * 32).to_json()).encode()}
    digest = keep_files(forged, store, written_by="0")
    with pytest.raises(InvalidPackage, match="judged another package's content"):
        open_package(store / digest)


@pytest.mark.covers("TRUST-R12", "TRUST-S10")
def test_two_hundred_random_flips_in_every_file_are_all_refused(home):
    dice = random.Random(12)
    tries = refused = 0
    for path in sorted(home.iterdir()):
        sound = path.read_bytes()
        for _ in range(200):
            place, bit = dice.randrange(len(sound)), 1 << dice.randrange(8)
            altered = bytearray(sound)
            altered[place] ^= bit
            path.write_bytes(altered)
            tries += 1
            try:
                open_package(home)
            except InvalidPackage:
                refused += 1
        path.write_bytes(sound)
    open_package(home)
    print(f"{tries} flips, {tries - refused} opened")
    assert refused == tries


@pytest.mark.covers("TRUST-R12", "TRUST-S10")
@pytest.mark.parametrize("name", sorted({*REQUIRED, "manifest.json", "baseline.json", "bom.cdx.json"}))
def test_a_missing_a_truncated_and_a_longer_file_are_refused_by_name(home, name):
    sound = (home / name).read_bytes()
    for content in (sound[:-1], sound + b"\n"):
        (home / name).write_bytes(content)
        with pytest.raises(InvalidPackage, match=r"bytes long|manifest"):
            open_package(home)
    (home / name).unlink()
    with pytest.raises(InvalidPackage, match=name):
        open_package(home)


@pytest.mark.covers("TRUST-S10")
@pytest.mark.parametrize("extra", ["extra.txt", "model.pkl", ".hidden", "MODEL.ONNX"])
def test_an_extra_file_or_folder_is_refused_by_name(home, extra):
    (home / extra).write_bytes(b"")
    with pytest.raises(InvalidPackage, match=extra):
        open_package(home)
    (home / extra).unlink()
    (home / extra).mkdir()
    with pytest.raises(InvalidPackage, match=extra):
        open_package(home)


@pytest.mark.covers("TRUST-S6", "TRUST-S11")
def test_a_link_a_folder_and_a_pipe_in_place_of_a_file_are_refused(home, tmp_path):
    path = home / "model.onnx"
    shutil.copy(path, tmp_path / "same.onnx")
    path.unlink()
    path.symlink_to(tmp_path / "same.onnx")
    with pytest.raises(InvalidPackage, match=r"model\.onnx"):
        open_package(home)
    path.unlink()
    path.mkdir()
    with pytest.raises(InvalidPackage, match=r"model\.onnx"):
        open_package(home)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(InvalidPackage, match="no plain file"):
        open_package(home)


def test_a_link_to_a_package_opens_by_what_it_leads_to(home, tmp_path):
    link = tmp_path / home.name
    link.symlink_to(home)
    assert open_package(link).digest == home.name
    forged = tmp_path / ("ab" * 32)
    forged.symlink_to(home)
    with pytest.raises(InvalidPackage, match="digest"):
        open_package(forged)


def test_a_package_folder_that_is_a_file_or_absent_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    for path in (tmp_path / "dangling", tmp_path / "file", tmp_path / "nothing"):
        with pytest.raises(InvalidPackage, match="no folder that can be read"):
            open_package(path)


@pytest.mark.covers("TRUST-S10")
def test_a_swapped_manifest_is_refused_by_the_folder_name_and_by_an_expected_digest(home, contents, store):
    other = store / write_package(replace(contents, contract="kind: another\n"), store)
    shutil.copy(other / "manifest.json", home / "manifest.json")
    with pytest.raises(InvalidPackage, match="digest"):
        open_package(home)
    with pytest.raises(InvalidPackage, match="digest"):
        open_package(other, expected=home.name)


def test_a_copy_under_another_name_opens_with_its_digest_given(home, tmp_path):
    copy = shutil.copytree(home, tmp_path / "my-model")
    assert open_package(copy, expected=home.name).digest == home.name
    with pytest.raises(InvalidPackage, match="not my-model"):
        open_package(copy)


@pytest.mark.parametrize("number", [0, 2, 99])
def test_another_format_number_is_refused_and_says_what_reads_it(home, number):
    home = rewritten(home, lambda body: body.update(format=number, written_by="7.1.0", files="another form"))
    with pytest.raises(InvalidPackage) as caught:
        open_package(home)
    assert f"format {number}" in caught.value.problem
    assert "reads format 1" in caught.value.problem
    assert "7.1.0" in caught.value.remedy


def test_another_format_without_a_writer_still_says_so(home):
    home = rewritten(home, lambda body: (body.pop("written_by"), body.update(format=2)))
    with pytest.raises(InvalidPackage, match="format 2"):
        open_package(home)


@pytest.mark.covers("TRUST-S6", "TRUST-S11")
@pytest.mark.parametrize(
    "name", ["../escape", "/etc/passwd", "a/b", "..", "", "A.txt", "a\x00b", "manifest.json", "x" * 65]
)
def test_a_name_that_is_not_plain_is_refused(home, name):
    home = rewritten(home, lambda body: body["files"].update({name: {"sha256": "0" * 64, "size": 1}}))
    with pytest.raises(InvalidPackage, match="no plain file name"):
        open_package(home)


@pytest.mark.covers("TRUST-S11")
def test_a_manifest_of_too_many_files_too_many_bytes_or_too_long_is_refused(home):
    entry = {"sha256": "0" * 64, "size": 1}
    many = rewritten(home, lambda body: body["files"].update({f"f{i}": entry for i in range(100)}))
    with pytest.raises(InvalidPackage, match="more than 64"):
        open_package(many)
    (many / "huge").write_bytes(b"")
    huge = rewritten(many, lambda body: body.update(files=_some(body, "huge", entry | {"size": 5 << 30})))
    with pytest.raises(InvalidPackage, match="more than 4,294,967,296"):
        open_package(huge)
    (huge / "manifest.json").write_bytes(b" " * (1 << 20))
    with pytest.raises(InvalidPackage, match="65,536"):
        open_package(renamed(huge))


def _some(body, name, entry):
    kept = {key: value for key, value in body["files"].items() if len(key) > 3}
    return {**kept, name: entry}


def test_a_manifest_that_forgets_a_required_file_is_refused(home):
    (home / "goal.json").unlink()
    home = rewritten(home, lambda body: body["files"].pop("goal.json"))
    with pytest.raises(InvalidPackage, match=r"goal\.json"):
        open_package(home)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "1"}', '{"format": 1}', "\xff", '{"format": 1, "files": {"a": 1}}']
)
def test_a_manifest_of_another_form_is_refused(home, text):
    (home / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidPackage, match="manifest"):
        open_package(renamed(home))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("goal.json", b"{}"),
        ("goal.json", b"[1"),
        ("goal.json", None),
        ("signature.json", b'{"inputs": []}'),
        ("baseline.json", b"3"),
        ("origin.json", b"[]"),
        ("verdict.json", b'{"gate": 1}'),
        ("verdict.json", b'{"gate": "g", "subject": "s", "findings": 3}'),
    ],
)
def test_a_consistent_forgery_with_a_file_of_a_wrong_form_is_refused_by_its_name(home, store, name, content):
    files = dict(open_package(home).files)
    if content is None:  # a goal that no goal may be: acting never pays
        content = files["goal.json"].replace(b"750", b"-750")
    digest = keep_files({**files, name: content}, store, written_by="0")
    with pytest.raises(InvalidPackage, match=name):
        open_package(store / digest)


def external(model):
    """The same graph with one tensor moved out to a file."""
    parsed = onnx.load_model_from_string(model)
    tensor = parsed.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    return parsed.SerializeToString()


@pytest.mark.covers("TRUST-S9")
def test_a_model_with_external_data_is_refused_when_writing_and_when_opening(home, contents, store):
    hostile = external(contents.model)
    with pytest.raises(InvalidPackage, match="data outside itself"):
        write_package(replace(contents, model=hostile), store)
    # A forger may pad protobuf's length byte; parsers accept it.
    padded = hostile.replace(b"\x0a\x08location", b"\x0a\x88\x00location")
    for model in (hostile, padded):
        digest = keep_files({**open_package(home).files, "model.onnx": model}, store, written_by="0")
        with pytest.raises(InvalidPackage, match="data outside itself"):
            open_package(store / digest)


def test_a_model_may_speak_of_a_location_elsewhere(contents, store):
    parsed = onnx.load_model_from_string(contents.model)
    parsed.doc_string = "the location of the airport"
    write_package(replace(contents, model=parsed.SerializeToString()), store)


@pytest.mark.parametrize("model", [b"", b"junk junk", b"\x80\x04\x95"])
def test_a_model_that_is_no_onnx_graph_is_refused_when_writing(contents, store, model):
    with pytest.raises(InvalidPackage, match=r"model\.onnx is no valid ONNX graph"):
        write_package(replace(contents, model=model), store)
    assert list_packages(store) == ()


def test_a_signature_that_does_not_fit_the_graph_is_refused_when_writing(contents, store):
    packing = (replace(contents.signature.packing[0], tensor="other"),)
    with pytest.raises(InvalidPackage, match="packs \\['other'\\]"):
        write_package(replace(contents, signature=replace(contents.signature, packing=packing)), store)


def test_golden_rows_that_do_not_fit_the_signature_are_refused_when_writing(contents, store):
    for golden in (contents.golden.drop_columns(["decision"]), contents.golden.slice(0, 0)):
        with pytest.raises(InvalidPackage, match="golden rows"):
            write_package(replace(contents, golden=golden), store)
    with pytest.raises(InvalidPackage, match="name of an input and of an output"):
        golden_table(pa.table({"probability": [1.0]}), {"probability": np.array([0.5])})


def test_damaged_golden_bytes_are_an_invalid_package(contents):
    for content in (b"", b"ARROW1", b"x" * 100):
        with pytest.raises(InvalidPackage, match=r"golden\.arrow"):
            read_golden(content, contents.signature)


def test_the_content_digest_leaves_out_the_judgement_alone():
    files = {name: name.encode() for name in REQUIRED}
    plain = Manifest.of(files, written_by="0")
    assert (
        Manifest.of({**files, **dict.fromkeys(JUDGEMENT, b"x")}, written_by="0").content_digest == plain.content_digest
    )
    assert Manifest.of({**files, "extra.txt": b""}, written_by="0").content_digest != plain.content_digest


@pytest.mark.covers("TRUST-S9")
def test_opening_needs_no_data_frame_no_arrow_and_no_onnx(home):
    script = (
        "import sys; from pathlib import Path; from shipworthy.packaging.package import open_package; "
        f"open_package(Path({str(home)!r})); "
        "print([name for name in ('pyarrow', 'onnx', 'onnxruntime', 'duckdb', 'pickle5') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path("/"))
    assert done.stdout.strip() == "[]"
