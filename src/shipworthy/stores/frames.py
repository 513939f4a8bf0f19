"""The bytes of a segment: a header, then frames that can be told whole from torn and damaged.

- header: magic (8 bytes), format number (u32), salt (4 random bytes), CRC-32 of these 16 bytes (u32);
- frames: the salt again, length (u32), CRC-32 seeded with the salt over length and payload (u32), payload.

All numbers are little-endian. The salt at the head of each frame lets a reader find the next whole frame behind
a damaged one, so that damage in the middle is told from a torn tail; being random, it cannot be forged by a
payload.
"""

import os
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shipworthy.core.errors import InvalidData
from shipworthy.core.formats import SEGMENT

__all__ = ["HEADER_BYTES", "MAX_PAYLOAD", "Damage", "Segment", "frame", "new_header", "parse_segment"]

MAX_PAYLOAD: Final = 256 << 20

_MAGIC: Final = b"SHIPWSEG"
_HEADER: Final = struct.Struct("<8sI4s")
_FRAME: Final = struct.Struct("<4sII")
_U32: Final = struct.Struct("<I")
HEADER_BYTES: Final = _HEADER.size + _U32.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Bytes of a segment that hold no whole frame.

    Attributes:
        offset: Where they begin, in bytes from the start of the file.
        length: How many.
    """

    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What could be read of one segment.

    Attributes:
        payloads: All whole payloads, in the order they were written.
        torn_bytes: Bytes of an unfinished write at the end; 0 if the file ends with a whole frame.
        damage: Unreadable stretches with whole frames behind them: bits that changed after they were written.
    """

    payloads: tuple[bytes, ...]
    torn_bytes: int = 0
    damage: tuple[Damage, ...] = ()


def new_header() -> tuple[bytes, bytes]:
    """The header of a new segment, and the salt that its frames carry."""
    salt = os.urandom(4)
    head = _HEADER.pack(_MAGIC, SEGMENT, salt)
    return head + _U32.pack(zlib.crc32(head)), salt


def frame(payloads: Iterable[bytes], salt: bytes) -> bytes:
    """Frames around ``payloads``, one behind the other."""
    seed = zlib.crc32(salt)
    parts: list[bytes] = []
    for payload in payloads:
        checksum = zlib.crc32(payload, zlib.crc32(_U32.pack(len(payload)), seed))
        parts += (_FRAME.pack(salt, len(payload), checksum), payload)
    return b"".join(parts)


def parse_segment(content: bytes, name: str) -> Segment:
    """Read the bytes of a segment; one that ends inside its header holds nothing yet.

    Args:
        content: The whole file, or as much of it as was written.
        name: What to call it in errors.

    Raises:
        InvalidData: If it is no segment, or one of another format number.
    """
    if len(content) < HEADER_BYTES:
        return Segment(payloads=(), torn_bytes=len(content))
    return _read_frames(content, _read_header(content, name))


def _read_header(content: bytes, name: str) -> bytes:
    magic, number, salt = _HEADER.unpack_from(content)
    (checksum,) = _U32.unpack_from(content, _HEADER.size)
    if magic != _MAGIC or checksum != zlib.crc32(content[: _HEADER.size]):
        raise InvalidData(
            f"{name} is no segment of records: its first {HEADER_BYTES} bytes are damaged or foreign",
            remedy="restore the file from a backup, or move it out of the folder to go on without it",
            path=name,
        )
    if number != SEGMENT:
        raise InvalidData(
            f"{name} has segment format {number}; this version reads format {SEGMENT}",
            remedy="read it with the version of Shipworthy that wrote it, or a newer one",
            path=name,
            format=number,
        )
    return bytes(salt)


def _read_frames(content: bytes, salt: bytes) -> Segment:
    seed = zlib.crc32(salt)
    payloads: list[bytes] = []
    damage: list[Damage] = []
    offset, size = HEADER_BYTES, len(content)
    while offset < size:
        payload = _frame_at(content, offset, salt, seed)
        if payload is None:
            behind = _next_frame(content, offset + 1, salt, seed)
            if behind == size:
                return Segment(payloads=tuple(payloads), torn_bytes=size - offset, damage=tuple(damage))
            damage.append(Damage(offset=offset, length=behind - offset))
            offset = behind
            continue
        payloads.append(payload)
        offset += _FRAME.size + len(payload)
    return Segment(payloads=tuple(payloads), damage=tuple(damage))


def _frame_at(content: bytes, offset: int, salt: bytes, seed: int) -> bytes | None:
    start = offset + _FRAME.size
    if start > len(content):
        return None
    marker, length, checksum = _FRAME.unpack_from(content, offset)
    if marker != salt or start + length > len(content):
        return None
    payload = content[start : start + length]
    whole = zlib.crc32(payload, zlib.crc32(_U32.pack(length), seed)) == checksum
    return payload if whole else None


def _next_frame(content: bytes, offset: int, salt: bytes, seed: int) -> int:
    """Where the next whole frame at or behind ``offset`` begins; the size of the file if there is none."""
    while (offset := content.find(salt, offset)) >= 0:
        if _frame_at(content, offset, salt, seed) is not None:
            return offset
        offset += 1
    return len(content)
