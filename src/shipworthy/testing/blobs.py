"""What every store of blobs promises."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from shipworthy.core.errors import NotFound
from shipworthy.stores.blobs import Blobs

__all__ = ["BlobsContract"]


class BlobsContract:
    """Give the fixture ``blobs``: an empty store."""

    @pytest.fixture
    def blobs(self) -> Blobs:
        """An empty store."""
        raise NotImplementedError

    def test_what_was_put_comes_back(self, blobs: Blobs) -> None:
        content = bytes(range(256)) * 100
        assert blobs.get(blobs.put(content)) == content

    def test_the_digest_is_the_sha256_in_lower_case_hex(self, blobs: Blobs) -> None:
        assert blobs.put(b"ship") == hashlib.sha256(b"ship").hexdigest()

    def test_an_empty_blob_is_a_blob(self, blobs: Blobs) -> None:
        assert blobs.get(blobs.put(b"")) == b""

    def test_putting_the_same_bytes_again_is_no_error(self, blobs: Blobs) -> None:
        assert blobs.put(b"twice") == blobs.put(b"twice")

    def test_an_absent_blob_is_not_found(self, blobs: Blobs) -> None:
        absent = hashlib.sha256(b"never put").hexdigest()
        assert not blobs.has(absent)
        with pytest.raises(NotFound):
            blobs.get(absent)

    @pytest.mark.parametrize("name", ["", "../workspace.db", "/etc/passwd", "A" * 64, "ab" * 31, "..%2f" + "0" * 59])
    def test_a_name_that_is_no_digest_is_not_found(self, blobs: Blobs, name: str) -> None:
        assert not blobs.has(name)
        with pytest.raises(NotFound):
            blobs.get(name)

    def test_many_threads_may_put_and_get(self, blobs: Blobs) -> None:
        contents = [str(number % 7).encode() * 10_000 for number in range(56)]
        with ThreadPoolExecutor(8) as pool:
            digests = list(pool.map(blobs.put, contents))
            read = list(pool.map(blobs.get, digests))
        assert read == contents
        assert all(blobs.has(digest) for digest in digests)
