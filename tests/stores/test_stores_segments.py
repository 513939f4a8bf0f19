import fcntl
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipworthy.core.errors import BackendFailed, InvalidData
from shipworthy.stores import frames
from shipworthy.stores.frames import HEADER_BYTES, frame, new_header, parse_segment
from shipworthy.stores.segments import SegmentWriter, read_segment, seal_orphans, sync_file

payload_lists = st.lists(st.binary(max_size=60), min_size=1, max_size=6)


def segment_bytes(payloads):
    header, salt = new_header()
    return header + frame(payloads, salt)


def files(folder):
    return sorted(path.name.rpartition(".")[2] for path in folder.iterdir())


@settings(deadline=None)
@given(payload_lists)
def test_payloads_come_back_in_order(payloads):
    segment = parse_segment(segment_bytes(payloads), "s")
    assert (segment.payloads, segment.torn_bytes, segment.damage) == (tuple(payloads), 0, ())


@pytest.mark.covers("TRUST-R13")
@settings(deadline=None)
@given(payload_lists)
def test_a_segment_cut_at_any_byte_of_its_last_frame_loses_that_frame_only(payloads):
    content = segment_bytes(payloads)
    last = len(frame(payloads[-1:], b"salt"))
    for cut in range(1, last + 1):
        segment = parse_segment(content[:-cut], "s")
        assert segment.payloads == tuple(payloads[:-1])
        assert segment.torn_bytes == last - cut
        assert segment.damage == ()


@pytest.mark.covers("TRUST-R13")
def test_a_segment_cut_within_its_header_holds_nothing():
    content = segment_bytes([b"one"])
    for cut in range(HEADER_BYTES):
        segment = parse_segment(content[:cut], "s")
        assert (segment.payloads, segment.torn_bytes) == ((), cut)


@settings(deadline=None)
@given(payload_lists, st.integers(0, 400), st.integers(0, 7))
def test_a_flipped_bit_costs_one_frame_and_is_reported(payloads, place, bit):
    content = bytearray(segment_bytes(payloads))
    place = HEADER_BYTES + place % (len(content) - HEADER_BYTES)
    content[place] ^= 1 << bit
    segment = parse_segment(bytes(content), "s")
    sizes = [12 + len(payload) for payload in payloads]
    hit = next(i for i in range(len(sizes)) if HEADER_BYTES + sum(sizes[: i + 1]) > place)
    assert segment.payloads == tuple(payloads[:hit] + payloads[hit + 1 :])
    if hit == len(payloads) - 1:
        assert (segment.torn_bytes, segment.damage) == (sizes[hit], ())
    else:
        assert segment.torn_bytes == 0
        assert [(one.offset, one.length) for one in segment.damage] == [(HEADER_BYTES + sum(sizes[:hit]), sizes[hit])]


def test_zeros_behind_the_last_frame_are_a_torn_tail_not_empty_entries():
    segment = parse_segment(segment_bytes([b"one"]) + bytes(4096), "s")
    assert (segment.payloads, segment.torn_bytes, segment.damage) == ((b"one",), 4096, ())


def test_a_payload_that_holds_frames_of_its_own_cannot_forge_any():
    header, salt = new_header()
    inner = frame([b"forged"], b"\x00\x01\x02\x03")
    content = bytearray(header + frame([b"a" + inner, b"b"], salt))
    content[HEADER_BYTES + 12] ^= 1
    assert parse_segment(bytes(content), "s").payloads == (b"b",)


@pytest.mark.parametrize("place", range(HEADER_BYTES))
def test_a_damaged_header_is_refused_by_name(place):
    content = bytearray(segment_bytes([b"one"]))
    content[place] ^= 0x40
    with pytest.raises(InvalidData, match=r"folder/x\.seg"):
        parse_segment(bytes(content), "folder/x.seg")


@pytest.mark.covers("TRUST-R24")
def test_a_segment_of_another_format_is_refused(monkeypatch):
    monkeypatch.setattr(frames, "SEGMENT", 2)
    content = segment_bytes([b"one"])
    monkeypatch.setattr(frames, "SEGMENT", 1)
    with pytest.raises(InvalidData, match="format 2; this version reads format 1"):
        parse_segment(content, "s")


def test_a_commit_is_readable_while_its_writer_lives_and_what_is_buffered_is_not(tmp_path):
    writer = SegmentWriter(tmp_path / "segments", "w0")
    writer.append(b"one")
    writer.append(b"two")
    assert writer.commit() == 2
    writer.append(b"three")
    assert writer.pending == 1
    assert read_segment(writer.path).payloads == (b"one", b"two")
    writer.close()
    assert files(tmp_path / "segments") == ["sealed"]
    (sealed,) = (tmp_path / "segments").iterdir()
    assert read_segment(sealed).payloads == (b"one", b"two", b"three")


def test_committing_nothing_makes_no_file(tmp_path):
    writer = SegmentWriter(tmp_path / "segments", "w0")
    assert writer.commit() == 0
    writer.sync()
    writer.close()
    assert not (tmp_path / "segments").exists()


def test_a_segment_is_sealed_by_size_and_by_age(tmp_path):
    now_s = 0.0
    writer = SegmentWriter(tmp_path, "w0", roll_bytes=100, roll_after_s=60, monotonic_s=lambda: now_s)
    writer.append(b"x" * 100)
    writer.commit()
    assert files(tmp_path) == ["sealed"]
    writer.append(b"y")
    writer.commit()
    assert files(tmp_path) == ["sealed", "seg"]
    now_s = 61.0
    writer.commit()
    assert files(tmp_path) == ["sealed", "sealed"]


@pytest.mark.covers("TRUST-R14")
def test_two_segments_of_one_nanosecond_do_not_meet(tmp_path):
    writer = SegmentWriter(tmp_path, "w0", roll_bytes=1, now_ns=lambda: 7)
    for payload in (b"one", b"two"):
        writer.append(payload)
        writer.commit()
    assert {read_segment(path).payloads for path in tmp_path.iterdir()} == {(b"one",), (b"two",)}


@pytest.mark.parametrize("name", ["", "a/b", "../x", "w 0", "x" * 65])
def test_a_worker_that_cannot_be_part_of_a_file_name_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="no name for a file"):
        SegmentWriter(tmp_path, name)


def test_only_the_segments_of_dead_writers_are_sealed(tmp_path):
    writer = SegmentWriter(tmp_path, "w0")
    writer.append(b"one")
    writer.commit()
    assert seal_orphans(tmp_path) == ()
    orphan = tmp_path / "1-dead-00000000.seg"
    orphan.write_bytes(segment_bytes([b"last words"]))
    assert [path.name for path in seal_orphans(tmp_path)] == ["1-dead-00000000.sealed"]
    writer.close()


def test_what_a_writer_left_that_died_while_making_a_file_is_removed(tmp_path):
    (tmp_path / ".1-dead-00000000.seg").write_bytes(b"SHIP")
    assert seal_orphans(tmp_path) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_writer_whose_new_file_was_taken_for_remains_makes_it_again(tmp_path, monkeypatch):
    real = fcntl.flock
    seen = []

    def late(descriptor, operation):
        seen.extend(tmp_path.iterdir())
        if len(seen) == 1:
            seen[0].unlink()
        real(descriptor, operation)

    writer = SegmentWriter(tmp_path, "w0")
    writer.append(b"one")
    monkeypatch.setattr(fcntl, "flock", late)
    writer.commit()
    assert len(seen) == 2
    assert read_segment(writer.path).payloads == (b"one",)


@pytest.mark.covers("TRUST-R9")
def test_a_refused_write_leaves_nothing_half_written_and_the_next_one_works(tmp_path, monkeypatch):
    writer = SegmentWriter(tmp_path, "w0")
    writer.append(b"one")
    writer.commit()
    size = writer.path.stat().st_size
    real = os.pwrite
    calls = []

    def nearly_full(descriptor, content, offset):
        calls.append(len(content))
        if len(calls) == 1:
            return real(descriptor, content[:50], offset)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", nearly_full)
    writer.append(b"two" * 10)
    writer.append(b"three" * 10)
    with pytest.raises(BackendFailed, match="No space left") as failed:
        writer.commit()
    assert failed.value.facts["lost"] == 2
    assert writer.path.stat().st_size == size
    assert writer.pending == 0
    monkeypatch.setattr(os, "pwrite", real)
    writer.append(b"four")
    writer.commit()
    assert read_segment(writer.path).payloads == (b"one", b"four")


def test_a_segment_that_cannot_be_cut_back_is_left_for_a_new_one(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(5, "Input/output error")

    writer = SegmentWriter(tmp_path, "w0")
    writer.append(b"one")
    writer.commit()
    first = writer.path
    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", refuse)
        broken.setattr(os, "ftruncate", refuse)
        writer.append(b"two")
        with pytest.raises(BackendFailed):
            writer.commit()
    writer.append(b"three")
    writer.commit()
    assert writer.path != first
    assert read_segment(first).payloads == (b"one",)
    assert read_segment(writer.path).payloads == (b"three",)


def test_a_folder_that_cannot_be_made_is_a_backend_that_failed(tmp_path):
    (tmp_path / "file").write_text("in the way")
    writer = SegmentWriter(tmp_path / "file" / "segments", "w0")
    writer.append(b"one")
    with pytest.raises(BackendFailed, match="disk refused"):
        writer.commit()


@pytest.mark.covers("TRUST-R8")
def test_after_a_failed_fsync_the_segment_is_never_trusted_again(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(5, "Input/output error")

    writer = SegmentWriter(tmp_path, "w0")
    writer.append(b"one")
    writer.commit()
    first = writer.path
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        with pytest.raises(BackendFailed, match="Input/output"):
            writer.sync()
        with pytest.raises(BackendFailed, match="Input/output"):
            sync_file(first)
    writer.append(b"two")
    writer.commit()
    writer.sync()
    assert writer.path != first


def test_a_segment_is_synced_under_whatever_name_it_has_by_now(tmp_path):
    writer = SegmentWriter(tmp_path, "w0")
    writer.append(b"one")
    writer.commit()
    path = writer.path
    sync_file(path)
    writer.close()
    sync_file(path)
    path.with_suffix(".sealed").unlink()
    sync_file(path)


# Commits entries for ever, in groups, and says a number only once it was committed.
_WRITER = """
import random, sys
from pathlib import Path
from shipworthy.core.errors import BackendFailed
from shipworthy.stores.segments import SegmentWriter

writer, said, pick = SegmentWriter(Path(sys.argv[1]), "w0", roll_bytes=20_000), int(sys.argv[2]), random.Random(1)
while True:
    first = said
    for _ in range(pick.randint(1, 20)):
        said += 1
        writer.append(said.to_bytes(8, "big") * pick.randint(1, 40))
    try:
        writer.commit()
    except BackendFailed as error:
        print("failed", error.facts["errno"], first, flush=True)
        break
    print(said, flush=True)
"""


def stored(folder):
    payloads = [payload for path in sorted(folder.iterdir()) for payload in read_segment(path).payloads]
    return [int.from_bytes(payload[:8], "big") for payload in payloads]


@pytest.mark.server
@pytest.mark.covers("TRUST-R3")
def test_no_entry_that_was_acknowledged_is_lost_when_its_worker_is_killed(tmp_path):
    said = 0
    for seed in range(15):
        command = [sys.executable, "-c", _WRITER, tmp_path, str(said)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            first = writer.stdout.readline()
            time.sleep(random.Random(seed).uniform(0.0, 0.1))
            os.kill(writer.pid, signal.SIGKILL)
            lines = [first, *writer.stdout.readlines()]
        acked = int([line for line in lines if line.endswith("\n")][-1])
        seal_orphans(tmp_path)
        kept = stored(tmp_path)
        assert kept == list(range(1, len(kept) + 1))
        assert acked <= len(kept)
        said = len(kept)
    print(f"15 kills, {said} entries acknowledged or written, 0 acknowledged ones lost")
    assert set(files(tmp_path)) == {"sealed"}


@pytest.mark.covers("TRUST-R9")
def test_a_file_that_may_not_grow_keeps_what_was_acknowledged_and_no_more(tmp_path):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    done = subprocess.run(
        [sys.executable, "-c", _WRITER, tmp_path, "0"],
        capture_output=True,
        text=True,
        preexec_fn=small_files,
        timeout=60,
        check=True,
    )
    *acked, last = done.stdout.splitlines()
    assert last.split() == ["failed", "27", acked[-1]]  # EFBIG: the file-system's way to say "no further"
    assert stored(Path(tmp_path)) == list(range(1, int(acked[-1]) + 1))
