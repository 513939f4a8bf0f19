import pytest

from shipworthy.stores.documents import MemoryDocuments, SqlDocuments
from shipworthy.testing import DocumentsContract


class TestMemoryDocuments(DocumentsContract):
    @pytest.fixture
    def documents(self, clock):
        return MemoryDocuments(clock)


class TestSqliteDocuments(DocumentsContract):
    @pytest.fixture
    def documents(self, sqlite_database, clock):
        return SqlDocuments(sqlite_database, clock)


@pytest.mark.server
class TestPostgresDocuments(DocumentsContract):
    @pytest.fixture
    def documents(self, postgres_database, clock):
        return SqlDocuments(postgres_database, clock)
