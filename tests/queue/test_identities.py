"""Entries are known again at later visits, whatever their publisher changed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from podcrawler.items import Enclosure, Episode
from podcrawler.queue.identities import Settled, settle
from podcrawler.queue.keys import Keys
from podcrawler.queue.listings import Listings
from podcrawler.sites import identity
from podcrawler.sites.packed import Packed
from tests.conftest import Client


def entry(title: str, day: int | None, url: str, guid: str = "", length: int | None = None) -> Episode:
    """An entry of a feed, as the feed's site makes it if no other entry has its id."""
    published = datetime(2026, 3, day, tzinfo=UTC) if day else None
    plain = identity.episode_id(guid, url)
    twin = identity.twin_id(plain, identity.media_key(url))
    return Episode(plain, "show", title, Enclosure(url, length=length), guid=guid, published=published, twin_id=twin)


def visit(
    known: dict[str, str], *episodes: Episode, finished: dict[str, int] | None = None
) -> tuple[list[str], Settled]:
    """The ids that the entries of a list page get, after visits that left ``known``, which is updated."""
    sizes = finished or {}
    settled = settle(Packed(episodes), known, lambda names: {name: sizes[name] for name in names if name in sizes})
    known.update(settled.traits)
    return [episode.id for episode in settled.episodes], settled


FIRST = entry("First", 1, "http://h.example/1.mp3", "g")
SECOND = entry("Second", 8, "http://h.example/2.mp3", "g")


def test_the_oldest_of_two_entries_with_one_guid_keeps_the_plain_id() -> None:
    ids, _ = visit({}, FIRST, SECOND)
    assert ids == ["g", SECOND.twin_id]


def test_an_id_does_not_change_when_a_twin_appears_or_goes() -> None:
    known: dict[str, str] = {}
    assert visit(known, FIRST)[0] == ["g"]
    assert visit(known, FIRST, SECOND)[0] == ["g", SECOND.twin_id]
    assert visit(known, SECOND)[0] == [SECOND.twin_id]
    # Even if the page lists them in another order, because a date was corrected.
    assert visit(known, SECOND, FIRST)[0] == [SECOND.twin_id, "g"]


@pytest.mark.parametrize("guid", ["", "g"])
def test_what_differs_in_title_date_and_file_is_another_episode(guid: str) -> None:
    known: dict[str, str] = {}
    first = entry("First", 1, "http://h.example/get.php?file=1", guid)
    second = entry("Second", 8, "http://h.example/get.php?file=2", guid)
    third = entry("Third", 15, "http://h.example/get.php?file=3", guid)
    seen = [visit(known, episode)[0][0] for episode in (first, second, third)]
    assert len(set(seen)) == 3
    assert [visit(known, episode)[0][0] for episode in (third, first, second)] == [seen[2], seen[0], seen[1]]


def test_a_weekly_show_at_one_address_has_an_episode_a_week() -> None:
    known: dict[str, str] = {}
    weeks = [entry(f"Week {week}", 7 * week, "http://h.example/latest.mp3") for week in (1, 2, 3)]
    seen = [visit(known, week)[0][0] for week in weeks]
    assert len(set(seen)) == 3
    assert visit(known, weeks[1])[0] == [seen[1]]


@pytest.mark.parametrize(
    "changed",
    [
        replace(FIRST, title="First, corrected"),
        replace(FIRST, published=None),
        replace(FIRST, enclosure=Enclosure("http://cdn.example/other.mp3")),
        replace(FIRST, title="Corrected", published=datetime(2026, 3, 2, tzinfo=UTC)),
    ],
    ids=["title", "date", "file", "title and date"],
)
def test_an_entry_with_a_known_guid_may_change(changed: Episode) -> None:
    known: dict[str, str] = {}
    visit(known, FIRST)
    assert visit(known, changed)[0] == ["g"]


def test_an_entry_of_which_only_the_file_is_known_may_change_its_file() -> None:
    known: dict[str, str] = {}
    bare = entry("", None, "http://h.example/1.mp3", "g")
    visit(known, bare)
    assert visit(known, entry("", None, "http://h.example/2.mp3", "g"))[0] == ["g"]


def test_a_new_guid_for_the_same_file_keeps_the_id() -> None:
    known: dict[str, str] = {}
    visit(known, FIRST)
    again = entry("First", 1, "http://h.example/1.mp3", "another")
    ids, settled = visit(known, again)
    assert ids == ["g"]
    assert settled.traits == {}


def at(hour: int, url: str, guid: str = "", title: str = "News") -> Episode:
    """An entry whose date has a time, unless the hour is 0."""
    return replace(entry(title, 1, url, guid), published=datetime(2026, 3, 1, hour, tzinfo=UTC))


@pytest.mark.parametrize("guid", ["", "g"])
@pytest.mark.parametrize("later_guid", ["", "another"])
def test_an_episode_that_moved_to_another_host_keeps_its_id(guid: str, later_guid: str) -> None:
    known: dict[str, str] = {}
    ids, _ = visit(known, at(6, "http://h.example/1.mp3", guid))
    moved = at(6, "http://new.example/a/b.mp3", later_guid)
    assert visit(known, moved)[0] == ids
    assert visit(known, moved)[0] == ids


@pytest.mark.parametrize(
    "later",
    [
        [at(6, "http://new.example/a.mp3", "a"), at(6, "http://h.example/1.mp3", "g")],
        [at(6, "http://new.example/a.mp3", "a"), at(6, "http://h.example/1.mp3", "g", "Sport")],
        [at(6, "http://new.example/a.mp3", "a"), at(6, "http://new.example/b.mp3", "b")],
        [at(7, "http://new.example/a.mp3", "a")],
        [at(6, "http://new.example/a.mp3", "a", "Sport")],
        [at(6, "http://new.example/a.mp3", "a", "")],
    ],
    ids=["still-listed", "still-listed-by-another-title", "twice", "another-time", "another-title", "no-title"],
)
def test_what_only_looks_like_an_episode_that_moved_is_another_one(later: Sequence[Episode]) -> None:
    known: dict[str, str] = {}
    visit(known, at(6, "http://h.example/1.mp3", "g"))
    assert visit(known, *later)[0] == [episode.guid for episode in later]


def test_episodes_without_titles_at_one_time_are_apart() -> None:
    known: dict[str, str] = {}
    visit(known, at(6, "http://h.example/1.mp3", "g", ""))
    assert visit(known, at(6, "http://new.example/a.mp3", "a", ""))[0] == ["a"]


def test_episodes_with_one_title_on_one_day_are_apart() -> None:
    known: dict[str, str] = {}
    seen = [visit(known, at(0, f"http://h.example/{name}.mp3", name))[0][0] for name in "abc"]
    assert seen == ["a", "b", "c"]


def test_one_of_two_episodes_with_one_title_and_time_is_not_guessed() -> None:
    known: dict[str, str] = {}
    visit(known, at(6, "http://h.example/1.mp3", "g"), at(6, "http://h.example/2.mp3", "h"))
    assert visit(known, at(6, "http://new.example/a.mp3", "a"))[0] == ["a"]


def test_an_entry_is_not_the_episode_that_another_entry_is() -> None:
    known: dict[str, str] = {}
    visit(known, at(6, "http://h.example/1.mp3", "g"))
    same_file, same_name = at(7, "http://h.example/1.mp3", "a"), at(6, "http://new.example/1b.mp3", "b")
    assert visit(known, same_file, same_name)[0] == ["g", "b"]


def test_which_of_two_entries_is_an_episode_does_not_depend_on_their_order() -> None:
    known: dict[str, str] = {}
    visit(known, at(6, "http://h.example/1.mp3", "g"))
    same_file, same_name = at(7, "http://h.example/1.mp3", "a"), at(6, "http://new.example/1b.mp3", "b")
    ids, settled = visit(known, same_name, same_file)
    assert ids == ["b", "g"]
    assert len(settled.duplicates) == 0


def test_a_new_guid_for_a_file_that_is_still_listed_is_another_episode() -> None:
    known: dict[str, str] = {}
    visit(known, FIRST)
    assert visit(known, FIRST, entry("First", 1, "http://h.example/1.mp3", "another"))[0] == ["g", "another"]


def test_two_entries_that_are_one_episode_are_listed_once() -> None:
    known: dict[str, str] = {}
    visit(known, FIRST)
    again = entry("First", 1, "http://h.example/1.mp3", "a")
    once_more = entry("First", 1, "http://h.example/1.mp3", "b")
    ids, settled = visit(known, again, once_more)
    assert ids == ["g"]
    assert settled.duplicates == [once_more]


@pytest.mark.parametrize(("length", "expected"), [(20, ["twin", "g"]), (None, ["g", "twin"])])
def test_an_episode_of_an_earlier_release_is_found_by_the_length_of_its_file(
    length: int | None, expected: Sequence[str]
) -> None:
    """It took both for one, and archived the newest."""
    first = replace(FIRST, enclosure=Enclosure("http://h.example/1.mp3", length=10))
    second = replace(SECOND, enclosure=Enclosure("http://h.example/2.mp3", length=length))
    ids, _ = visit({}, first, second, finished={"g": 20})
    assert ["g" if name == "g" else "twin" for name in ids] == expected


def test_an_episode_that_an_earlier_release_saw_no_guid_of_is_found() -> None:
    about = replace(FIRST, guid="http://h.example/about/1")
    about = replace(about, id=identity.episode_id(about.guid, "http://h.example/1.mp3"))
    path = identity.episode_id("", "http://h.example/1.mp3")
    known: dict[str, str] = {}
    assert visit(known, about, SECOND, finished={path: 20})[0] == [path, "g"]
    assert visit(known, about, SECOND)[0] == [path, "g"]


def test_ids_that_no_other_entry_can_have_are_kept() -> None:
    episode = Episode("4711", "rthk-1", "Title", page="http://h.example/4711")
    settled = settle(Packed([episode]), {}, lambda _: {})
    assert settled == Settled(Packed([episode]), Packed(), {})


def test_redis_remembers(redis: Client) -> None:
    listings = Listings(redis, Keys())

    def ids(podcast_id: str, *episodes: Episode) -> list[str]:
        kept = listings.identities(podcast_id)[1]
        found, settled = visit(dict(kept), *episodes)
        listings.keep_identities(podcast_id, settled.traits)
        return found

    assert ids("show", FIRST, SECOND) == ["g", SECOND.twin_id]
    assert ids("show", SECOND) == [SECOND.twin_id]
    assert ids("other", SECOND) == ["g"]
    assert redis.hlen("{podcrawler}:identities:show") == 2
