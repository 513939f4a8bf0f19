import os

import pytest

from shipworthy.core.errors import BackendFailed
from shipworthy.stores.blobs import FolderBlobs, MemoryBlobs
from shipworthy.testing import BlobsContract


class TestMemoryBlobs(BlobsContract):
    @pytest.fixture
    def blobs(self):
        return MemoryBlobs()


class TestFolderBlobs(BlobsContract):
    @pytest.fixture
    def blobs(self, tmp_path):
        return FolderBlobs(tmp_path / "blobs")


@pytest.mark.covers("TRUST-S10")
def test_a_blob_that_changed_where_it_lies_is_not_handed_out(tmp_path):
    blobs = FolderBlobs(tmp_path)
    digest = blobs.put(b"honest bytes")
    (tmp_path / digest[:2] / digest).write_bytes(b"forged bytes")
    with pytest.raises(BackendFailed, match="no longer match"):
        blobs.get(digest)


def test_putting_a_blob_that_rotted_heals_it(tmp_path):
    blobs = FolderBlobs(tmp_path)
    digest = blobs.put(b"honest bytes")
    (tmp_path / digest[:2] / digest).write_bytes(b"rot")
    blobs.put(b"honest bytes")
    assert blobs.get(digest) == b"honest bytes"


def test_a_disk_that_refuses_is_a_backend_that_failed_and_leaves_no_draft(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    blobs = FolderBlobs(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackendFailed, match="No space left"):
        blobs.put(b"too much")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
