"""What every journal promises."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shipworthy.core.digests import Json
from shipworthy.stores.journal import Head, Journal, Link

__all__ = ["JournalContract"]


def _append(journal: Journal, value: Json) -> Link:
    def seal(last: Link | None) -> Link:
        number, before = (last.number + 1, last.digest) if last else (1, "")
        return Link(number=number, body={"value": value, "before": before}, digest=f"digest-{number}-{value}")

    return journal.append(seal)


class JournalContract:
    """Give the fixture ``journal``: an empty one."""

    @pytest.fixture
    def journal(self) -> Journal:
        """An empty journal."""
        raise NotImplementedError

    def test_an_empty_journal_has_nothing_and_says_so(self, journal: Journal) -> None:
        assert journal.read() == ()
        assert journal.head() == Head(number=0, digest="")

    def test_links_come_back_in_order_and_as_they_were(self, journal: Journal) -> None:
        written = tuple(_append(journal, value) for value in ("a", 0.1, None, {"b": ["☂"]}))
        assert journal.read() == written
        assert [link.number for link in written] == [1, 2, 3, 4]
        assert journal.head() == Head(number=4, digest=written[-1].digest)

    def test_each_is_sealed_to_the_one_before(self, journal: Journal) -> None:
        first, second = _append(journal, 1), _append(journal, 2)
        assert second.body["before"] == first.digest

    def test_a_journal_is_read_in_pages(self, journal: Journal) -> None:
        for value in range(7):
            _append(journal, value)
        assert [link.number for link in journal.read(after=2, limit=3)] == [3, 4, 5]
        assert journal.read(after=7) == ()

    def test_a_seal_that_raises_leaves_nothing(self, journal: Journal) -> None:
        def seal(last: Link | None) -> Link:
            raise RuntimeError(f"after {last}")

        first = _append(journal, 1)
        with pytest.raises(RuntimeError):
            journal.append(seal)
        assert journal.read() == (first,)
        assert _append(journal, 2).number == 2

    @pytest.mark.parametrize("number", [0, 1, 3])
    def test_a_link_with_another_number_than_the_next_is_no_link(self, journal: Journal, number: int) -> None:
        first = _append(journal, 1)
        with pytest.raises(ValueError, match="comes next"):
            journal.append(lambda _: Link(number=number, body={}, digest="x"))
        assert journal.read() == (first,)

    def test_a_body_with_a_number_that_is_not_finite_is_no_json(self, journal: Journal) -> None:
        with pytest.raises(ValueError, match="JSON"):
            _append(journal, float("nan"))
        assert journal.head().number == 0

    def test_many_who_append_at_once_take_turns(self, journal: Journal) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda value: _append(journal, value), range(80)))
        links = journal.read()
        assert [link.number for link in links] == list(range(1, 81))
        assert sorted(link.body["value"] for link in links) == list(range(80))  # type: ignore[type-var]
        before = ["", *(link.digest for link in links[:-1])]
        assert [link.body["before"] for link in links] == before
