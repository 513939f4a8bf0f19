"""Append-only segments: what was committed survives the death of its writer, and a torn tail costs only itself.

A segment is a file ``<start, ns>-<worker>-<salt>.seg`` of frames (``frames.py``). While a writer lives it holds a
lock (``flock``) on its file, which the kernel lets go when it dies: a ``.seg`` that can be locked is an orphan.
A finished segment is renamed to ``.sealed``.
"""

import fcntl
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from shipworthy.core.errors import BackendFailed
from shipworthy.stores.frames import HEADER_BYTES, MAX_PAYLOAD, Segment, frame, new_header, parse_segment

__all__ = ["LIVE", "SEALED", "SegmentWriter", "read_segment", "seal_orphans", "sync_file", "sync_folder"]

LIVE: Final = ".seg"
SEALED: Final = ".sealed"

_TRIES: Final = 3
_WORKER: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class SegmentWriter:
    """Writes the entries of one worker. Not to be shared between threads.

    ``append`` buffers; ``commit`` writes all that is buffered with one system call, after which it survives
    ``kill -9`` of this process; ``sync`` makes it survive a power cut. A file is opened by the first commit
    and sealed when it is large or old enough.

    Args:
        folder: Where segments go; made if missing.
        worker: Names the writer in file names: letters, digits, ``_``, ``.`` and ``-``; at most 64.
        roll_bytes: Size from which a segment is sealed, in bytes.
        roll_after_s: Age from which a segment is sealed, in seconds (on a clock that never jumps).
        now_ns: Wall clock for file names, ns since 1970 UTC.
        monotonic_s: Clock for ages, in seconds.

    Raises:
        ValueError: If ``worker`` cannot be part of a file name.
    """

    def __init__(
        self,
        folder: Path,
        worker: str,
        *,
        roll_bytes: int = 64 << 20,
        roll_after_s: float = 600.0,
        now_ns: Callable[[], int] = time.time_ns,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        if not _WORKER.fullmatch(worker):
            raise ValueError(f"worker {worker!r} is no name for a file: use 1 to 64 letters, digits, '_', '.' or '-'")
        self._folder = folder
        self._worker = worker
        self._roll_bytes = roll_bytes
        self._roll_after_s = roll_after_s
        self._now_ns = now_ns
        self._monotonic_s = monotonic_s
        self._payloads: list[bytes] = []
        self._open: _OpenSegment | None = None

    @property
    def pending(self) -> int:
        """Payloads that were appended and are not committed yet."""
        return len(self._payloads)

    @property
    def path(self) -> Path | None:
        """The live segment; None before the first commit and between segments."""
        return self._open.path if self._open else None

    def append(self, payload: bytes) -> None:
        """Buffer one payload for the next commit.

        Raises:
            ValueError: If it is larger than 256 MiB.
        """
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"a payload of {len(payload)} bytes; at most {MAX_PAYLOAD} fit into a frame")
        self._payloads.append(payload)

    def commit(self) -> int:
        """Write all that is buffered; a caller may be answered once this returns.

        All of it is written or none: after a failure nothing of it is readable, the buffer is empty, and the
        next commit starts afresh.

        Returns:
            How many payloads were written.

        Raises:
            BackendFailed: If the disk refuses (full, read-only, broken).
        """
        payloads, self._payloads = self._payloads, []
        if payloads:
            try:
                if self._open is None:
                    self._open = _OpenSegment.create(self._folder, self._worker, self._now_ns(), self._monotonic_s())
                self._open.write(payloads)
            except OSError as error:
                self._let_go_if_broken()
                raise _disk_failed(error, self._folder, len(payloads)) from error
        if self._due():
            self.roll()
        return len(payloads)

    def sync(self) -> None:
        """Make all that was committed survive a power cut.

        Raises:
            BackendFailed: If the disk refuses. The segment is left as it is and a new one begun: after a failed
                fsync the kernel may have dropped the pages, and a second call would lie.
        """
        if self._open is None:
            return
        try:
            self._open.sync(self._folder)
        except OSError as error:
            self._open.close()
            self._open = None
            raise _disk_failed(error, self._folder, 0) from error

    def roll(self) -> None:
        """Seal the live segment, if any; the next commit opens a new one.

        If the disk refuses the new name, the file is an orphan like that of a dead writer: nothing is lost.
        """
        if self._open is None:
            return
        with suppress(OSError):
            _seal(self._open.path)
        self._open.close()
        self._open = None

    def close(self) -> None:
        """Commit what is buffered and seal."""
        self.commit()
        self.roll()

    def _due(self) -> bool:
        if self._open is None:
            return False
        age_s = self._monotonic_s() - self._open.opened_s
        return self._open.size >= self._roll_bytes or age_s >= self._roll_after_s

    def _let_go_if_broken(self) -> None:
        if self._open is not None and self._open.broken:
            self._open.close()
            self._open = None


def read_segment(path: Path) -> Segment:
    """Read a segment, live or sealed.

    Raises:
        InvalidData: If the file is no segment, or one of another format number.
        BackendFailed: If the disk cannot be read.
        FileNotFoundError: If there is no such file (any more): it may just have been sealed or archived.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _disk_failed(error, path, 0) from error
    return parse_segment(content, str(path))


def seal_orphans(folder: Path) -> tuple[Path, ...]:
    """Seal the live segments whose writer has died, and remove what one that died while making a file left.

    Returns:
        The sealed files.

    Raises:
        BackendFailed: If the disk refuses.
    """
    try:
        for draft in folder.glob(f".*{LIVE}"):
            if _is_orphan(draft):
                draft.unlink(missing_ok=True)
        sealed = []
        for path in sorted(folder.glob(f"[!.]*{LIVE}")):
            with suppress(FileNotFoundError):  # its writer has sealed it just now
                sealed += [_seal(path)] if _is_orphan(path) else []
        return tuple(sealed)
    except OSError as error:
        raise _disk_failed(error, folder, 0) from error


class _OpenSegment:
    """The file that a writer has open; ``size`` is where the last good frame ends."""

    def __init__(self, path: Path, descriptor: int, salt: bytes, opened_s: float) -> None:
        self.path = path
        self.size = HEADER_BYTES
        self.opened_s = opened_s
        self.broken = False
        self._descriptor = descriptor
        self._salt = salt
        self._name_is_durable = False

    @classmethod
    def create(cls, folder: Path, worker: str, now_ns: int, opened_s: float) -> "_OpenSegment":
        """Make the file under a hidden name, then show it: no sealer ever sees one that is not locked yet.

        A sealer may take a hidden file for the remains of a dead writer in the moment before it is locked; it is
        then made again.
        """
        for _ in range(_TRIES - 1):
            with suppress(BlockingIOError, FileNotFoundError):
                return cls._create(folder, worker, now_ns, opened_s)
        return cls._create(folder, worker, now_ns, opened_s)

    @classmethod
    def _create(cls, folder: Path, worker: str, now_ns: int, opened_s: float) -> "_OpenSegment":
        folder.mkdir(parents=True, exist_ok=True)
        header, salt = new_header()
        path = folder / f"{now_ns:020d}-{worker}-{salt.hex()}{LIVE}"
        draft = path.with_name(f".{path.name}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_all(descriptor, header, 0)
            draft.rename(path)
        except OSError:
            os.close(descriptor)
            draft.unlink(missing_ok=True)
            raise
        return cls(path, descriptor, salt, opened_s)

    def write(self, payloads: list[bytes]) -> None:
        """Write all payloads or, after an OSError, none."""
        content = frame(payloads, self._salt)
        try:
            _write_all(self._descriptor, content, self.size)
        except OSError:
            self._cut_back()
            raise
        self.size += len(content)

    def sync(self, folder: Path) -> None:
        os.fsync(self._descriptor)
        if not self._name_is_durable:
            sync_folder(folder)
            self._name_is_durable = True

    def close(self) -> None:
        os.close(self._descriptor)

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError:
            self.broken = True


def sync_file(path: Path) -> None:
    """Make what was committed to a segment survive a power cut; for another thread than the writer's.

    A segment that has been sealed meanwhile is found under its new name; one that was archived is durable already.

    Raises:
        BackendFailed: If the disk refuses.
    """
    for name in (path, path.with_suffix(SEALED)):
        try:
            _sync(name, os.O_RDONLY)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _disk_failed(error, name, 0) from error
        return


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut.

    Raises:
        OSError: If the disk refuses.
    """
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes, offset: int) -> None:
    written = os.pwrite(descriptor, content, offset)
    while written < len(content):
        written += os.pwrite(descriptor, memoryview(content)[written:], offset + written)


def _is_orphan(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _seal(path: Path) -> Path:
    return path.rename(path.with_suffix(SEALED))


def _disk_failed(error: OSError, path: Path, payloads: int) -> BackendFailed:
    return BackendFailed(
        f"the disk refused {path}: {error.strerror or error}",
        remedy="free space on this disk, or mend it; recording goes on by itself as soon as it takes writes again",
        path=str(path),
        errno=error.errno,
        lost=payloads,
    )
