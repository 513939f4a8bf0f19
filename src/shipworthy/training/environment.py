"""The environment of a training: every installed distribution, the interpreter and the platform, as one text."""

import hashlib
import platform
import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

__all__ = ["lock_environment"]

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


def lock_environment(lock: Path | None = None) -> str:
    """List what is installed here, sorted by name, as a requirements file.

    What it proves: with ``lock`` (a requirements file with hashes, as pip-tools and uv write it), every distribution
    that the lock names is installed here at the locked version, and ``pip install --require-hashes -r`` of this
    text installs the very archives that the lock names; what else is installed stands below as comments. Without a
    lock, or where the environment strays from it, it says which versions are installed and carries no hash that
    pip could check. Either way ``record-sha256`` is the SHA-256 of the distribution's ``RECORD`` file, which lists
    the digest of each installed file: two environments with equal fingerprints had equal files *when they were
    installed*. It is no digest of an archive, and it does not notice a file that was changed afterwards.

    Args:
        lock: A requirements file with hashes that this environment was made from; None if there is none.
    """
    installed = {_normal(one.name): one for one in distributions()}
    pins = _read_lock(lock) if lock and lock.is_file() else {}
    follows = bool(pins) and all(
        name in installed and installed[name].version == version for name, (version, _) in pins.items()
    )
    lines = [
        "# The environment of a training. Fingerprints are explained in shipworthy.training.environment.",
        f"# python: {platform.python_version()} ({sys.implementation.name})",
        f"# platform: {platform.platform()}",
        f"# hashes: {'from the lock file' if follows else 'none, the versions alone are pinned'}",
    ]
    for name in sorted(installed):
        lines += _entry(name, installed[name], pins.get(name, ("", ()))[1] if follows else (), hashed=follows)
    return "\n".join(lines) + "\n"


def _entry(name: str, distribution: Distribution, hashes: tuple[str, ...], *, hashed: bool) -> list[str]:
    pin = f"{name}=={distribution.version}"
    fingerprint = f"# record-sha256: {_fingerprint(distribution)}"
    if not hashed:
        return [f"{pin}  {fingerprint}"]
    if not hashes:
        return [f"# also installed: {pin}  {fingerprint}"]
    return [fingerprint, f"{pin} \\", *_continued([f"    --hash={one}" for one in hashes])]


def _continued(lines: list[str]) -> list[str]:
    return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _fingerprint(distribution: Distribution) -> str:
    record = distribution.read_text("RECORD")
    return hashlib.sha256(record.encode()).hexdigest() if record else "unknown"


def _read_lock(lock: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Version and hashes by normal name."""
    pins: dict[str, tuple[str, tuple[str, ...]]] = {}
    for requirement in lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if found := _PIN.match(requirement):
            pins[_normal(found[1])] = (found[2], tuple(_HASH.findall(requirement)))
    return pins


def _normal(name: str) -> str:
    """The one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
