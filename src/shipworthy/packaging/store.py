"""The folder of packages: each appears whole under its digest or not at all, even when the writer is killed."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shipworthy.core.digests import digest_bytes
from shipworthy.core.errors import BackendFailed, InvalidPackage
from shipworthy.packaging.manifest import MANIFEST, Manifest
from shipworthy.packaging.package import open_package

__all__ = ["keep_files", "list_packages"]

_DRAFT = ".draft-"
_LOCK = ".lock"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def list_packages(store: Path) -> tuple[str, ...]:
    """Digests of the packages in ``store``, sorted; drafts of a writer that died are not among them."""
    if not store.is_dir():
        return ()
    return tuple(sorted(path.name for path in store.iterdir() if _DIGEST.fullmatch(path.name)))


def keep_files(files: Mapping[str, bytes], store: Path, *, written_by: str) -> str:
    """Write a package of these files and make it visible in one step.

    Args:
        files: Content by plain file name, without the manifest.
        store: Folder of packages; made if it is missing.
        written_by: Version of Shipworthy for the manifest.

    Returns:
        The package's digest, which is also the name of its folder. A sound package of that digest stays as it is.

    Raises:
        BackendFailed: If the disk is full or the folder cannot be written; nothing is left behind.
    """
    manifest = Manifest.of(files, written_by=written_by).encode()
    digest = digest_bytes(manifest)
    try:
        store.mkdir(parents=True, exist_ok=True)
        with _only_writer(store):
            if not _is_sound(store / digest):
                _write({**files, MANIFEST: manifest}, store, digest)
    except OSError as error:
        raise BackendFailed(
            f"package {digest[:12]} could not be written to {store}: {error.strerror}",
            remedy="free some disk space or make the folder writable, then try again",
            folder=str(store),
        ) from error
    return digest


@contextmanager
def _only_writer(store: Path) -> Iterator[None]:
    """Hold the store's lock; any draft found while holding it belongs to a writer that died."""
    with (store / _LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for draft in store.glob(f"{_DRAFT}*"):
            shutil.rmtree(draft)
        yield


def _is_sound(home: Path) -> bool:
    if not home.exists():
        return False
    try:
        open_package(home)
    except InvalidPackage:
        return False
    return True


def _write(files: Mapping[str, bytes], store: Path, digest: str) -> None:
    draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=store))
    try:
        for name, content in files.items():
            _write_durably(draft / name, content)
        draft.chmod(0o755)
        _sync_folder(draft)
        if (store / digest).exists():  # damaged: aside with it, under a name that the next writer sweeps
            (store / digest).rename(Path(tempfile.mkdtemp(prefix=_DRAFT, dir=store)) / digest)
        draft.rename(store / digest)
        _sync_folder(store)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
