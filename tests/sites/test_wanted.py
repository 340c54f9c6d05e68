"""Which episodes of a page are wanted, and why the others are not."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.items import Enclosure, Episode
from podcrawler.sites.packed import Packed
from podcrawler.sites.wanted import Choice, Latest, Wanted, choose

DAY = 86_400.0
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC).timestamp()


def episode(number: int, day: int | None = None, **changes: Any) -> Episode:
    """The episode of a day of January 2026, at noon."""
    published = None if day is None else datetime(2026, 1, day, 12, tzinfo=UTC)
    values: dict[str, Any] = {"title": f"Title {number}", "published": published, **changes}
    return Episode(str(number), "show", **values)


def dated(*days: int | None) -> Packed:
    return Packed(episode(number, day) for number, day in enumerate(days))


def chosen(wanted: Wanted, episodes: Packed, **more: Any) -> list[str]:
    """The ids of what is wanted, in its order."""
    return [episodes.ids[at] for at in choose(wanted, episodes, NOW, **more).wanted]


def reasons(wanted: Wanted, *episodes: Episode) -> list[str]:
    """Why each is not wanted; empty if it is."""
    found = choose(wanted, Packed(episodes), NOW)
    return [found.left_out.get(at, "") for at in range(len(episodes))]


def test_everything_is_wanted_in_its_order() -> None:
    assert Wanted().is_everything
    assert choose(Wanted(), dated(1, None, 2), NOW) == Choice([0, 1, 2])
    assert chosen(Wanted(order="newest"), dated(1, None, 2)) == ["2", "1", "0"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(since="2026-01-02"), ["before 2026-01-02", "", ""]),
        (Wanted(until="2026-01-02"), ["", "", "after 2026-01-02"]),
        (Wanted(since="2026-01-02", until="2026-01-02"), ["before 2026-01-02", "", "after 2026-01-02"]),
        (Wanted(since="2026-01-02T12:00:01Z"), ["before 2026-01-02T12:00:01Z"] * 2 + [""]),
        (Wanted(since="30d"), ["more than 30d old", "", ""]),
        (Wanted(until="30d"), ["", "", "less than 30d old"]),
        (Wanted(new_after=NOW - 30 * DAY), ["from before --new-only began", "", ""]),
        (Wanted(latest=1), ["not among the latest 1"] * 2 + [""]),
        (Wanted(latest=3), [""] * 3),
    ],
)
def test_when(wanted: Wanted, expected: list[str]) -> None:
    assert reasons(wanted, episode(1, 1), episode(2, 2), episode(3, 3)) == expected


def test_what_slides_depends_on_now() -> None:
    episodes = dated(1, 2, 3)
    for later, left in ((0, ["1", "2"]), (1, ["2"]), (5, [])):
        found = choose(Wanted(since="30d"), episodes, NOW + later * DAY)
        assert [episodes.ids[at] for at in found.wanted] == left


def test_without_a_date_it_is_as_old_as_its_older_neighbour() -> None:
    assert chosen(Wanted(since="2026-01-02"), dated(None, 1, None, 2, None)) == ["3", "4"]
    assert chosen(Wanted(until="2026-01-01"), dated(None, 1, None, 2, None)) == ["0", "1", "2"]
    assert reasons(Wanted(since="30d"), episode(1), episode(2)) == ["without a date"] * 2
    assert chosen(Wanted(latest=2), dated(None, None, None)) == ["1", "2"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"season": [2]}, ["of season 1", "without a season"]),
        ({"season": [1, 2]}, ["", "without a season"]),
        ({"type": ["full"]}, ["of type bonus", ""]),
        ({"type": ["bonus", "trailer"]}, ["", "of type full"]),
        ({"min_duration": 601}, ["shorter than 11 min", ""]),
        ({"min_duration": 600, "max_duration": 600}, ["", ""]),
        ({"max_duration": 599}, ["longer than 10 min", ""]),
        ({"max_size": 900_000}, ["larger than 900.0 kB", ""]),
        ({"max_size": 1_000_000}, ["", ""]),
        ({"match": "ONE"}, ["", "no match of --match ONE"]),
        ({"match": "guest"}, ["", "no match of --match guest"]),
        ({"match": "/b"}, ["no match of --match /b"] * 2),
        ({"reject": "^one$"}, ["title matches --reject ^one$", ""]),
        ({"reject": "a guest"}, ["description matches --reject a guest", ""]),
        ({"match": "o", "reject": "one"}, ["title matches --reject one", ""]),
        ({"match": "x" * 99}, [f"no match of --match {'x' * 59}…"] * 2),
    ],
)
def test_what(options: dict[str, Any], expected: list[str]) -> None:
    one = episode(
        1,
        title="One",
        description="With <b>a</b> guest",
        season=1,
        episode_type="bonus",
        duration=600,
        enclosure=Enclosure("http://h.example/1.mp3", "audio/mpeg", 1_000_000),
    )
    other = episode(2, title="Two", enclosure=Enclosure("http://h.example/2.mp3"))
    assert reasons(Wanted.from_json(options), one, other) == expected


def test_the_latest_are_counted_among_those_that_fit() -> None:
    episodes = Packed(episode(number, number, season=1 + number % 2) for number in range(1, 9))
    assert chosen(Wanted(latest=2, season=(1,)), episodes) == ["6", "8"]
    assert chosen(Wanted(latest=2, season=(1,), order="newest"), episodes) == ["8", "6"]


def over_pages(wanted: Wanted, pages: Sequence[Packed]) -> set[str]:
    """What is wanted in the end of several pages."""
    earlier: Any = {}
    kept: set[str] = set()
    for page in pages:
        found = choose(wanted, page, NOW, earlier)
        kept |= {page.ids[at] for at in found.wanted}
        kept -= found.surpassed.keys()
        assert kept == found.latest.keys()
        earlier = found.latest
    return kept


@given(
    st.lists(st.integers(1, 28), max_size=12, unique=True),
    st.lists(st.integers(0, 12), max_size=3),
    st.integers(1, 6),
    st.permutations(range(4)),
)
def test_the_latest_of_all_pages_are_the_same_in_any_order_of_pages(
    days: list[int], cuts: list[int], latest: int, order: list[int]
) -> None:
    ends = [0, *sorted(cuts), len(days)]
    parts = [sorted(days[start:end]) for start, end in pairwise(ends)]
    pages = [Packed(episode(day, day) for day in part) for part in parts]
    found = over_pages(Wanted(latest=latest), [pages[at] for at in order if at < len(pages)])
    assert found == {str(day) for day in sorted(days)[-latest:]}


def test_a_page_that_is_read_twice_or_lists_something_again_counts_once() -> None:
    page, further = dated(1, 2, 3), Packed([episode(5, 1), episode(0, 1)])
    assert over_pages(Wanted(latest=2), [page, page]) == {"1", "2"}
    assert over_pages(Wanted(latest=4), [page, further, further]) == {"0", "1", "2", "5"}


def test_without_dates_the_first_page_has_the_newest() -> None:
    pages = [Packed([episode(3), episode(4)]), Packed([episode(1), episode(2)])]
    assert over_pages(Wanted(latest=3), pages) == {"2", "3", "4"}


def test_what_is_surpassed_is_told_with_its_title() -> None:
    found = choose(Wanted(latest=1), dated(5), NOW, {"old": Latest(0.0, "Old")})
    assert found.surpassed == {"old": Latest(0.0, "Old")}


def test_json_has_what_is_set_and_comes_back() -> None:
    given_options: dict[str, Any] = {
        "latest": 3,
        "since": "30d",
        "until": "2026-01-01",
        "match": "a|b",
        "reject": "c",
        "season": [1, 2],
        "type": ["full"],
        "min_duration": 60,
        "max_duration": 3600,
        "max_size": 10**8,
        "order": "newest",
        "new_after": 1.5,
    }
    assert Wanted().to_json() == {}
    wanted = Wanted.from_json(given_options)
    assert wanted.to_json() == given_options
    for name, value in given_options.items():
        one = Wanted.from_json({name: value})
        assert one.to_json() == {name: value}
        assert not one.is_everything


@pytest.mark.parametrize(
    ("given_options", "sentence"),
    [
        ([], "what is wanted is no JSON object"),
        ({"newest": 3}, "there is no option --newest"),
        ({"latest": 0}, "--latest cannot be 0: it is no number from 1 to 100000"),
        ({"latest": True}, "--latest cannot be True"),
        ({"latest": "3"}, "--latest cannot be '3'"),
        ({"since": 3}, "--since must be a text"),
        ({"since": "soon"}, "--since: soon is no moment; write how long ago, such as 30min"),
        ({"since": "1d", "until": "2d"}, "--since 1d is after --until 2d: no episode is wanted"),
        ({"since": "2026-01-02", "until": "2026-01-01"}, "--since 2026-01-02 is after --until 2026-01-01"),
        ({"match": "("}, r"--match: '(' is not a regular expression (missing ) at position 1)"),
        ({"reject": "a" * 1001}, "--reject: it has more than 1000 characters"),
        ({"season": 1}, "--season must be a list"),
        ({"season": [-1]}, "--season cannot be -1"),
        ({"type": ["short"]}, "--type cannot be 'short': take full, trailer, bonus"),
        ({"order": "random"}, "--order cannot be 'random': take oldest or newest"),
        ({"min_duration": 2, "max_duration": 1}, "--min-duration is more than --max-duration: no episode is wanted"),
        ({"max_size": 1.5}, "--max-size cannot be 1.5"),
        ({"new_after": "now"}, "--new-only cannot be 'now'"),
        ({"new_after": float("nan")}, "--new-only cannot be nan"),
    ],
)
def test_what_means_nothing_ends_in_a_sentence(given_options: Any, sentence: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 (the sentence is what matters)
        Wanted.from_json(given_options)
    assert str(raised.value).startswith(sentence)


def test_a_pattern_that_repeats_what_repeats_itself_takes_no_minutes() -> None:
    with pytest.raises(ValueError, match=r"--match \(a\|aa\)\+\$ takes too long on 'aaa"):
        reasons(Wanted(match="(a|aa)+$"), episode(1, title="a" * 200 + "!"))
