"""Contract suites: every implementation of a store passes the same tests, ours and those of third parties.

Subclass a suite in your own tests and give it the fixture that it names; pytest does the rest.
"""

from shipworthy.testing.blobs import BlobsContract
from shipworthy.testing.documents import DocumentsContract
from shipworthy.testing.jobs import JobsContract
from shipworthy.testing.journal import JournalContract

__all__ = ["BlobsContract", "DocumentsContract", "JobsContract", "JournalContract"]
