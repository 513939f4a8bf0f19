"""A package is there whole or not at all, whatever happens to its writer."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from shipworthy.core.errors import BackendFailed
from shipworthy.packaging import store as store_file
from shipworthy.packaging.package import open_package
from shipworthy.packaging.store import keep_files, list_packages
from shipworthy.packaging.write import write_package

# Dies by SIGKILL at the nth call that touches the disk; prints how many there were if it lives.
_DYING_WRITER = """
import os, signal, sys
from pathlib import Path
from shipworthy.packaging.package import open_package
from shipworthy.packaging import store as store_file

package, target, last = open_package(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
steps = 0

def step(call):
    def stepped(*args, **kwargs):
        global steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return stepped

os.fsync, Path.rename, Path.chmod = step(os.fsync), step(Path.rename), step(Path.chmod)
store_file.keep_files({**package.files, "extra.txt": b"x" * 10_000}, target, written_by="0")
print(steps)
"""


def _run(home, target, last):
    command = [sys.executable, "-c", _DYING_WRITER, str(home), str(target), str(last)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.server
@pytest.mark.covers("TRUST-R5", "TRUST-R6")
def test_a_writer_killed_at_any_step_leaves_all_or_nothing_and_the_next_one_succeeds(home, tmp_path):
    steps = int(_run(home, tmp_path / "whole", 0).stdout)
    kills = halves = 0
    for last in range(1, steps + 1):
        target = tmp_path / f"killed-{last}"
        assert _run(home, target, last).returncode == -signal.SIGKILL
        kills += 1
        for digest in list_packages(target):
            open_package(target / digest)
        again = _run(home, target, 0)
        assert again.returncode == 0, again.stderr
        assert len(list_packages(target)) == 1
        halves += sum(path.name.startswith(".draft") for path in target.iterdir())
    print(f"{kills} kills, {halves} halves left")
    assert kills >= 14
    assert halves == 0


@pytest.mark.covers("TRUST-R9")
def test_a_full_disk_is_a_backend_failure_that_leaves_nothing_behind(contents, store, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store_file.os, "fsync", full)
    with pytest.raises(BackendFailed, match="No space left"):
        write_package(contents, store)
    assert [path.name for path in store.iterdir()] == [".lock"]


def test_a_store_that_is_a_file_is_a_backend_failure(contents, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackendFailed, match="could not be written"):
        write_package(contents, tmp_path / "file")


def test_writing_again_keeps_the_package_and_heals_a_damaged_one(contents, store):
    home = store / write_package(contents, store)
    before = (home / "model.onnx").stat().st_ino
    write_package(contents, store)
    assert (home / "model.onnx").stat().st_ino == before
    (home / "model.onnx").write_bytes(b"damaged")
    write_package(contents, store)
    assert open_package(home).model == contents.model


def test_what_a_healer_set_aside_is_swept_by_the_next_writer(contents, store, home):
    (home / "model.onnx").write_bytes(b"damaged")
    write_package(contents, store)
    write_package(contents, store)
    assert sorted(path.name for path in store.iterdir()) == [".lock", home.name]


def test_eight_writers_of_one_package_end_with_one_sound_package(home, tmp_path):
    files, target = open_package(home).files, tmp_path / "shared"
    threads = [threading.Thread(target=keep_files, args=(files, target), kwargs={"written_by": "0"}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (digest,) = list_packages(target)
    assert open_package(target / digest).files == files


def test_a_store_that_is_not_there_holds_nothing(tmp_path):
    assert list_packages(Path(tmp_path / "nowhere")) == ()
