import platform
import re
from importlib.metadata import version

import pytest

from shipworthy.training.environment import lock_environment

HASH = "a" * 64


@pytest.mark.covers("T12", "T13")
def test_every_distribution_is_pinned_with_python_and_platform():
    text = lock_environment()
    assert f"# python: {platform.python_version()} " in text
    assert re.search(rf"^numpy=={re.escape(version('numpy'))}  # record-sha256: [0-9a-f]{{64}}$", text, re.MULTILINE)
    assert "--hash" not in text
    pins = [line for line in text.splitlines() if not line.startswith("#")]
    names = [line.split("==")[0] for line in pins]
    assert names == sorted(names)


def test_the_same_environment_gives_the_same_text():
    assert lock_environment() == lock_environment()


def test_hashes_come_from_a_lock_that_the_environment_follows(tmp_path):
    lock = tmp_path / "run.txt"
    lock.write_text(
        f"numpy=={version('numpy')} \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{'b' * 64}\n    # via x\n"
        f"PyArrow=={version('pyarrow')} \\\n    --hash=sha256:{HASH}\n"
    )
    text = lock_environment(lock)
    assert f"\nnumpy=={version('numpy')} \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{'b' * 64}\n" in text
    required = [line for line in text.splitlines() if "==" in line and not line.startswith("#")]
    assert [line.split("==")[0] for line in required] == ["numpy", "pyarrow"]
    assert f"# also installed: lightgbm=={version('lightgbm')}" in text


@pytest.mark.parametrize("pin", ["numpy==0.1", "not-installed-anywhere==1.0"])
def test_a_lock_that_the_environment_strays_from_lends_no_hashes(tmp_path, pin):
    lock = tmp_path / "run.txt"
    lock.write_text(f"{pin} \\\n    --hash=sha256:{HASH}\npyarrow=={version('pyarrow')} \\\n    --hash=sha256:{HASH}\n")
    assert lock_environment(lock) == lock_environment()


def test_an_absent_lock_is_no_lock(tmp_path):
    assert lock_environment(tmp_path / "absent.txt") == lock_environment()
