"""Phase one of opening: read every byte of a package once, and refuse it unless all of them are as promised."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shipworthy.core.digests import digest_bytes
from shipworthy.core.errors import InvalidPackage
from shipworthy.packaging.manifest import MANIFEST, MAX_MANIFEST_BYTES, Entry, Manifest, damaged

__all__ = ["audit", "refuse_external_data"]

_MAX_PACKAGE_BYTES = 4 << 30
# A link is refused, and a pipe or device must not make the opener wait.
_READ_PLAIN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
# In ONNX, tensors outside the file are named by a key-value pair with the key "location". These are the protobuf
# bytes in front of such a key: tag 1, length 8, each in its shortest or in a padded form.
_KEY_AHEAD = re.compile(rb"(?:\x0a|\x8a\x80{0,8}\x00)(?:\x08|\x88\x80{0,8}\x00)\Z")


def audit(path: Path, *, expected: str) -> tuple[Manifest, dict[str, bytes], str]:
    """Read a package's files and check names, kinds, sizes and digests; nothing is parsed but the manifest.

    Args:
        path: The package's folder, or a link to it: its bytes are judged, wherever they lie.
        expected: Digest that the manifest must have.

    Returns:
        The manifest, the verified bytes by file name, and the package's digest.

    Raises:
        InvalidPackage: If anything is extra, missing, linked, of another size or digest, or of another format.
    """
    with _open_folder(path) as folder:
        content = _read(folder, MANIFEST, limit=MAX_MANIFEST_BYTES)
        manifest = Manifest.decode(content)
        digest = digest_bytes(content)
        if digest != expected:
            raise damaged(f"its manifest has the digest {digest}, not {expected}", file=MANIFEST, path=str(path))
        _check_listing(folder, manifest)
        files = {name: _read_entry(folder, name, entry) for name, entry in manifest.files.items()}
    refuse_external_data(files["model.onnx"])
    return manifest, files, digest


def refuse_external_data(model: bytes) -> None:
    """Refuse an ONNX model whose tensors lie in other files: a path in a model can point anywhere.

    The bytes are searched without parsing them. Metadata with the key ``location`` is refused too.

    Raises:
        InvalidPackage: If the model names an outside location.
    """
    at = model.find(b"location")
    while at >= 0:
        if _KEY_AHEAD.search(model[max(0, at - 20) : at]):
            raise damaged("model.onnx names data outside itself (the key 'location')", file="model.onnx")
        at = model.find(b"location", at + 1)


@contextmanager
def _open_folder(path: Path) -> Iterator[int]:
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise damaged(f"{path} is no folder that can be read: {error.strerror}", path=str(path)) from error
    try:
        yield folder
    finally:
        os.close(folder)


def _check_listing(folder: int, manifest: Manifest) -> None:
    found, promised = set(os.listdir(folder)), {*manifest.files, MANIFEST}
    if extra := sorted(found - promised):
        raise damaged(f"it holds {extra[0]!r}, which its manifest does not list", file=extra[0])
    if missing := sorted(promised - found):
        raise damaged(f"it lacks {missing[0]!r}, which its manifest lists", file=missing[0])
    total = sum(entry.size for entry in manifest.files.values())
    if total > _MAX_PACKAGE_BYTES:
        raise damaged(f"it is {total:,} bytes long, more than {_MAX_PACKAGE_BYTES:,}", file=MANIFEST)


def _read_entry(folder: int, name: str, entry: Entry) -> bytes:
    content = _read(folder, name, limit=entry.size)
    if len(content) != entry.size:
        raise damaged(f"{name!r} is {len(content):,} bytes long, not {entry.size:,}", file=name)
    if digest_bytes(content) != entry.sha256:
        raise damaged(f"the bytes of {name!r} do not have the digest that its manifest lists", file=name)
    return content


def _read(folder: int, name: str, *, limit: int) -> bytes:
    """At most ``limit`` bytes of a plain file, through one descriptor, so that nobody can swap it in between."""
    try:
        descriptor = os.open(name, _READ_PLAIN_FILE, dir_fd=folder)
    except OSError as error:
        raise _unreadable(name, error) from error
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise damaged(f"{name!r} is no plain file", file=name)
        if state.st_size > limit:
            raise damaged(f"{name!r} is {state.st_size:,} bytes long, more than {limit:,}", file=name)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    except OSError as error:
        raise _unreadable(name, error) from error
    finally:
        os.close(descriptor)


def _unreadable(name: str, error: OSError) -> InvalidPackage:
    return damaged(f"{name!r} is missing, a link or unreadable: {error.strerror}", file=name)
