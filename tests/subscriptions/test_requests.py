"""The requests of checks: their conditions."""

from dataclasses import replace

import pytest

from podcrawler.subscriptions.due import Bounds
from podcrawler.subscriptions.outcome import Answer, failed, unchanged
from podcrawler.subscriptions.records import Checked, Claim, Subscription
from podcrawler.subscriptions.requests import check_request

NOW, DAY = 1_800_000_000.0, 86_400.0
CHECKED = Checked(at=NOW, whole_at=NOW, etag='"1"', last_modified="Fri, 27 Nov 2020 10:00:00 GMT", digest="0a")


def conditions(checked: Checked, at: float) -> set[bytes]:
    claim = Claim(Subscription("http://a.example/feed"), checked, at, 0)
    return set(check_request(claim).headers)


@pytest.mark.parametrize(
    ("days", "names"),
    [(1, {b"If-None-Match", b"If-Modified-Since"}), (6.9, {b"If-None-Match", b"If-Modified-Since"}), (7.1, set())],
)
def test_a_feed_is_asked_for_without_a_condition_once_a_week(days: float, names: set[bytes]) -> None:
    assert conditions(CHECKED, NOW + days * DAY) == names


def test_only_an_answer_with_the_feed_puts_that_off() -> None:
    later, bounds = NOW + 8 * DAY, Bounds(600, 2 * DAY)
    told, _ = unchanged(CHECKED, Answer(), bounds, later, 0)
    assert conditions(told, later + DAY) == set()
    whole, _ = unchanged(CHECKED, Answer(digest="0a"), bounds, later, 0)
    assert len(conditions(whole, later + DAY)) == 2


def test_a_feed_that_failed_is_asked_for_without_a_condition() -> None:
    told, _ = failed(CHECKED, "http-412", 0.0, Bounds(600, 2 * DAY), NOW + DAY, 0)
    assert conditions(told, NOW + 2 * DAY) == set()


def test_what_an_earlier_release_has_noted_is_asked_for_once_without_a_condition() -> None:
    assert conditions(replace(CHECKED, whole_at=0.0), NOW + DAY) == set()
