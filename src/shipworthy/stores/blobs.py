"""Blobs: bytes that are named by their own digest."""

import os
import re
import tempfile
import threading
from pathlib import Path
from typing import Final, Protocol

from shipworthy.core.digests import digest_bytes
from shipworthy.core.errors import BackendFailed, NotFound
from shipworthy.stores.segments import sync_folder

__all__ = ["Blobs", "FolderBlobs", "MemoryBlobs"]

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Blobs(Protocol):
    """Content-addressed bytes.

    Every implementation keeps these promises (``shipworthy.testing.BlobsContract`` checks them):

    - the digest is the SHA-256 of the bytes, in lower-case hex;
    - putting the same bytes twice is no error, and stores them once;
    - a reader never sees half a blob, not even after a crash;
    - bytes that changed where they lie are never handed out.

    Safe to share between threads and processes.
    """

    def put(self, content: bytes) -> str:
        """Keep ``content``; returns its digest.

        Raises:
            BackendFailed: If it could not be kept.
        """
        ...

    def get(self, digest: str) -> bytes:
        """The bytes that were put.

        Raises:
            NotFound: If nothing with this digest was put.
            BackendFailed: If the bytes have changed since, or cannot be read.
        """
        ...

    def has(self, digest: str) -> bool:
        """Whether something with this digest was put."""
        ...


class MemoryBlobs:
    """Blobs in a dict, for tests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        digest = digest_bytes(content)
        with self._lock:
            self._kept[digest] = bytes(content)
        return digest

    def get(self, digest: str) -> bytes:
        content = self._kept.get(digest)
        if content is None:
            raise _absent(digest)
        return content

    def has(self, digest: str) -> bool:
        return digest in self._kept


class FolderBlobs:
    """Blobs as files under one folder, fanned out by the first two hex digits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        digest = digest_bytes(content)
        home = self._home(digest)
        try:
            if not _holds(home, content):
                _write_whole(home, content)
        except OSError as error:
            raise _disk_failed(home, error) from error
        return digest

    def get(self, digest: str) -> bytes:
        if not _DIGEST.fullmatch(digest):
            raise _absent(digest)
        home = self._home(digest)
        try:
            content = home.read_bytes()
        except FileNotFoundError as error:
            raise _absent(digest) from error
        except OSError as error:
            raise _disk_failed(home, error) from error
        if digest_bytes(content) != digest:
            raise BackendFailed(
                f"{home} has changed since it was stored: its bytes no longer match its name",
                remedy="restore it from a backup, or delete it and make it again",
                path=str(home),
            )
        return content

    def has(self, digest: str) -> bool:
        return _DIGEST.fullmatch(digest) is not None and self._home(digest).is_file()

    def _home(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def _holds(home: Path, content: bytes) -> bool:
    """Whether the file is there and whole; one that rotted is written again."""
    return home.is_file() and home.read_bytes() == content


def _write_whole(home: Path, content: bytes) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=home.parent, prefix=".", delete=False) as draft:
        try:
            draft.write(content)
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).replace(home)  # readers see all of it or none
        except OSError:
            Path(draft.name).unlink(missing_ok=True)
            raise
    sync_folder(home.parent)


def _absent(digest: str) -> NotFound:
    return NotFound(f"there is no blob {digest!r}", remedy="check the digest: 64 hex digits", digest=digest)


def _disk_failed(path: Path, error: OSError) -> BackendFailed:
    return BackendFailed(
        f"the disk refused {path}: {error.strerror or error}",
        remedy="free space on this disk, or check who may write there",
        path=str(path),
        errno=error.errno,
    )
