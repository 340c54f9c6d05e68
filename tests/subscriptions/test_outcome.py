"""What a check makes of what is known of a feed."""

from dataclasses import replace

import pytest

from podcrawler.sites.asked import Asked
from podcrawler.subscriptions.due import Bounds
from podcrawler.subscriptions.outcome import Answer, Listed, changed, failed, fresh_for, unchanged
from podcrawler.subscriptions.records import CHECKED, Checked, Moved, dumped
from podcrawler.subscriptions.rhythm import Rhythm

NOW = 1_800_000_000.0
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
BOUNDS = Bounds(10 * MINUTE, 2 * DAY)
DAILY = tuple(NOW - days * DAY + HOUR for days in range(20, 0, -1))
KNOWN = Checked(at=NOW - HOUR, rhythm=Rhythm(DAILY), podcast_id="show-1", title="Show", etag='"1"', digest="0a")


def listed(*dates: float, is_new: bool = False, asked: Asked | None = None) -> Listed:
    return Listed("show-1", "Show", asked or Asked(), dates, is_new)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Cache-Control": "public, max-age=3600"}, HOUR),
        ({"Cache-Control": 'max-age="60"'}, MINUTE),
        ({"Cache-Control": "no-cache, max-age=3600"}, 0),
        ({"Cache-Control": "max-age=-1"}, 0),
        ({"Cache-Control": f"max-age={'9' * 400}"}, 366 * DAY),
        ({"Expires": "Fri, 15 Jan 2027 09:00:00 GMT", "Date": "Fri, 15 Jan 2027 08:00:00 GMT"}, HOUR),
        ({"Expires": "Fri, 15 Jan 2027 09:00:00 GMT"}, HOUR),
        ({"Expires": "0"}, 0),
        ({"Expires": "Fri, 15 Jan 1990 09:00:00 GMT"}, 0),
    ],
)
def test_how_long_an_answer_is_fresh(headers: dict[str, str], seconds: float) -> None:
    assert fresh_for(headers, NOW) == seconds


def test_what_a_host_asks_puts_the_next_check_off_within_the_bounds() -> None:
    # It came an hour ago, later than usual: the next one is a day away.
    late = replace(KNOWN, rhythm=KNOWN.rhythm.with_arrival(NOW - HOUR, NOW - 2 * HOUR, NOW))
    overdue = replace(KNOWN, rhythm=Rhythm(tuple(date - 2 * HOUR for date in DAILY)))
    for before in (late, overdue):
        for asks in (0.0, 6 * HOUR, 300 * DAY):
            _, due = unchanged(before, Answer(fresh_for=asks), BOUNDS, NOW, chance=0)
            assert min(asks, BOUNDS.most) <= due - NOW <= BOUNDS.most


def test_a_new_episode_is_part_of_the_rhythm_and_its_absence_was_none() -> None:
    came = NOW - MINUTE
    checked, _ = changed(KNOWN, Answer(etag='"2"', digest="0b"), listed(*DAILY, came), BOUNDS, NOW, chance=0)
    assert checked.rhythm.arrivals == (*DAILY, came)
    assert (checked.etag, checked.digest, checked.at) == ('"2"', "0b", NOW)
    again, _ = changed(checked, Answer(), listed(*DAILY, came), BOUNDS, NOW + HOUR, chance=0)
    assert again.rhythm == checked.rhythm
    # Without a date that can be true, it came some time between the two checks.
    undated, _ = changed(KNOWN, Answer(), listed(*DAILY, NOW + DAY, is_new=True), BOUNDS, NOW, chance=0)
    assert undated.rhythm.arrivals[-1] == NOW - HOUR / 2


def test_failures_put_the_next_check_off_ever_longer_and_at_least_as_long_as_the_host_asks() -> None:
    checked, waits = KNOWN, []
    for _ in range(12):
        checked, due = failed(checked, "http-503", 0, BOUNDS, NOW, chance=0)
        assert due is not None
        waits.append(due - NOW)
    assert waits == sorted(waits)
    assert waits[0] == 2 * BOUNDS.least
    assert waits[-1] == BOUNDS.most
    _, due = failed(KNOWN, "http-429", 5 * HOUR, BOUNDS, NOW, chance=0)
    assert due == NOW + 5 * HOUR
    answered, _ = unchanged(checked, Answer(), BOUNDS, NOW, chance=0)
    assert (answered.failures, answered.failing_since, answered.error) == (0, 0, "")


def test_a_feed_that_fails_for_months_is_parked_and_a_few_failures_park_none() -> None:
    old = replace(KNOWN, failures=40, failing_since=NOW - 91 * DAY, error="dns")
    parked, due = failed(old, "dns", 0, BOUNDS, NOW, chance=0)
    assert (parked.parked, due) == ("it has failed for 91 days, dns at the last of 41 checks", None)
    # A fleet that was off for months has not tried.
    few = replace(old, failures=2)
    assert failed(few, "dns", 0, BOUNDS, NOW, chance=0)[1] is not None


def test_a_found_feed_that_fails_is_looked_for_again() -> None:
    before = replace(KNOWN, feed="https://new.example/feed.xml")
    once, _ = failed(before, "http-410", 0, BOUNDS, NOW, chance=0)
    assert (once.parked, once.feed) == ("", before.feed)
    twice, _ = failed(once, "http-410", 0, BOUNDS, NOW, chance=0)
    assert (twice.parked, twice.feed, twice.etag, twice.digest) == ("", "", "", "")
    assert failed(twice, "http-410", 0, BOUNDS, NOW, chance=0)[0].parked


def test_an_address_that_a_feed_has_moved_to_is_asked_after_it_was_told_on_another_day() -> None:
    to = "https://new.example/feed.xml"
    told, _ = unchanged(KNOWN, Answer(moved_to=to), BOUNDS, NOW, chance=0)
    assert (told.feed, told.moved) == ("", Moved(to, NOW))
    soon, _ = unchanged(told, Answer(moved_to=to), BOUNDS, NOW + HOUR, chance=0)
    assert (soon.feed, soon.moved) == ("", Moved(to, NOW))
    back, _ = unchanged(soon, Answer(), BOUNDS, NOW + 2 * HOUR, chance=0)
    assert back.moved is None
    adopted, _ = unchanged(soon, Answer(moved_to=to), BOUNDS, NOW + 21 * HOUR, chance=0)
    assert (adopted.feed, adopted.moved) == (to, None)


def test_what_is_kept_is_read_back() -> None:
    asked = Asked(HOUR, frozenset({1, 2}), frozenset({6}), is_complete=True, gap=DAY)
    checked = replace(KNOWN, asked=asked, moved=Moved("https://new.example/", NOW))
    assert CHECKED.adapter.validate_json(dumped(CHECKED, checked)) == checked
