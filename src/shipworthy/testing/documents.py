"""What every store of documents promises."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from shipworthy.core.clock import ManualClock
from shipworthy.core.digests import Json
from shipworthy.core.errors import NotFound, Refused
from shipworthy.stores.documents import Documents

__all__ = ["DocumentsContract"]

_START = datetime(2013, 10, 1, tzinfo=UTC)
_EVERYTHING: dict[str, Json] = {
    "text": 'Zoë said "no"; DROP TABLE documents; -- \n\t☂',
    "numbers": [0.1, 1e-300, 1.7976931348623157e308, -0.5, 2**53, 0],
    "nested": {"deep": [{"er": [None, True, False]}], "empty": {}, "": []},
}


class DocumentsContract:
    """Give the fixture ``documents``: an empty store on ``clock``."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The clock of the store."""
        return ManualClock(_START)

    @pytest.fixture
    def documents(self, clock: ManualClock) -> Documents:
        """An empty store on ``clock``."""
        raise NotImplementedError

    def test_a_body_comes_back_equal_digit_by_digit(self, documents: Documents) -> None:
        added = documents.add("run", "run-1", _EVERYTHING)
        assert documents.get("run", "run-1") == added
        assert added.body == _EVERYTHING
        assert (added.kind, added.id, added.revision, added.created_at) == ("run", "run-1", 1, _START)

    def test_adding_an_equal_body_again_changes_nothing(self, documents: Documents, clock: ManualClock) -> None:
        first = documents.add("run", "run-1", {"a": 1, "b": [2]})
        clock.advance(timedelta(hours=1))
        assert documents.add("run", "run-1", {"b": [2], "a": 1}) == first

    def test_adding_another_body_is_refused_and_changes_nothing(self, documents: Documents) -> None:
        documents.add("run", "run-1", {"a": 1})
        with pytest.raises(Refused, match="run-1"):
            documents.add("run", "run-1", {"a": 2})
        assert documents.get("run", "run-1").body == {"a": 1}

    def test_the_same_id_may_be_used_by_another_kind(self, documents: Documents) -> None:
        documents.add("run", "one", {"a": 1})
        documents.add("package", "one", {"a": 2})
        assert documents.get("run", "one").body == {"a": 1}

    def test_a_number_that_is_not_finite_is_no_json(self, documents: Documents) -> None:
        with pytest.raises(ValueError, match="JSON"):
            documents.add("run", "run-1", {"auc": float("nan")})
        documents.add("run", "run-2", {})
        with pytest.raises(ValueError, match="JSON"):
            documents.revise("run", "run-2", {"auc": float("inf")}, revision=1)
        assert [one.id for one in documents.find("run")] == ["run-2"]

    def test_a_revision_replaces_the_body_and_keeps_its_birthday(
        self, documents: Documents, clock: ManualClock
    ) -> None:
        documents.add("incident", "i", {"status": "open"})
        clock.advance(timedelta(days=1))
        assert documents.revise("incident", "i", {"status": "closed"}, revision=1) == 2
        kept = documents.get("incident", "i")
        assert (kept.body, kept.revision, kept.created_at) == ({"status": "closed"}, 2, _START)

    def test_a_revision_of_an_outdated_state_is_refused(self, documents: Documents) -> None:
        documents.add("incident", "i", {"n": 1})
        documents.revise("incident", "i", {"n": 2}, revision=1)
        with pytest.raises(Refused, match="meanwhile"):
            documents.revise("incident", "i", {"n": 3}, revision=1)
        assert documents.get("incident", "i").body == {"n": 2}

    def test_of_many_who_revise_at_once_one_wins(self, documents: Documents) -> None:
        documents.add("incident", "i", {"n": 0})

        def revise(number: int) -> bool:
            try:
                documents.revise("incident", "i", {"n": number}, revision=1)
            except Refused:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(revise, range(1, 25)))
        assert won.count(True) == 1
        assert documents.get("incident", "i").body == {"n": won.index(True) + 1}

    def test_what_is_not_there_is_not_found(self, documents: Documents) -> None:
        with pytest.raises(NotFound, match="run-1"):
            documents.get("run", "run-1")
        with pytest.raises(NotFound, match="run-1"):
            documents.revise("run", "run-1", {}, revision=1)
        assert documents.find("run") == ()

    def test_the_newest_are_found_first_up_to_the_limit(self, documents: Documents, clock: ManualClock) -> None:
        for number in range(5):
            documents.add("window", f"w{number}", {"number": number})
            clock.advance(timedelta(seconds=number % 2))
        assert [one.id for one in documents.find("window", limit=3)] == ["w4", "w3", "w2"]

    def test_documents_are_found_by_texts_in_their_bodies(self, documents: Documents) -> None:
        documents.add("window", "a/1", {"endpoint": "a", "status": "open"})
        documents.add("window", "a/2", {"endpoint": "a", "status": "closed"})
        documents.add("window", "b/1", {"endpoint": "b", "status": "open"})
        documents.add("plan", "a/1", {"endpoint": "a", "status": "open"})
        assert [one.id for one in documents.find("window", where={"endpoint": "a"})] == ["a/2", "a/1"]
        both = {"endpoint": "a", "status": "open"}
        assert [one.id for one in documents.find("window", where=both)] == ["a/1"]
        assert documents.find("window", where={"missing": "a"}) == ()
        assert documents.find("window", where={"endpoint": "' OR 1=1 --"}) == ()

    def test_changing_a_body_that_was_given_or_got_changes_nothing_kept(self, documents: Documents) -> None:
        given: dict[str, Json] = {"a": [1]}
        documents.add("run", "r", given)
        given["a"] = "changed"
        got = documents.get("run", "r").body
        assert got == {"a": [1]}
        got["a"].append(2)  # type: ignore[union-attr]
        assert documents.get("run", "r").body == {"a": [1]}
        assert documents.find("run")[0].body == {"a": [1]}
