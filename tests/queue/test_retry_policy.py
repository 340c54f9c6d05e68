"""How often a failed entry is tried, and how long it waits."""

import pytest

from podcrawler.exceptions import EntryError, FailureClass
from podcrawler.queue.retry_policy import RetryPolicy

POLICY = RetryPolicy(max_tries=5, first_delay=2, max_delay=3600, jitter=lambda: 0.5)


@pytest.mark.parametrize(
    ("failure_class", "tries", "delays"),
    [
        ("permanent", 1, []),
        ("blocked", 2, [10]),
        ("busy", 5, [10, 40, 160, 640]),
        ("doubtful", 2, [2]),
        ("passing", 5, [2, 8, 32, 128]),
        ("local", 5, [2, 8, 32, 128]),
    ],
)
def test_each_class_has_its_policy(failure_class: FailureClass, tries: int, delays: list[float]) -> None:
    error = EntryError("kind", "It failed.", failure_class)
    assert POLICY.tries(error) == tries
    assert [POLICY.delay(error, tried) for tried in range(1, tries)] == delays


def test_no_class_gets_more_tries_than_the_setting_allows() -> None:
    assert RetryPolicy(max_tries=1, first_delay=2, max_delay=9).tries(EntryError("kind", "No.", "blocked")) == 1


@pytest.mark.parametrize(("asked", "waits"), [(1, 10), (300, 300), (1e9, 3600), (float("inf"), 3600)])
def test_retry_after_is_honoured_up_to_the_maximum(asked: float, waits: float) -> None:
    assert POLICY.delay(EntryError("http-429", "Slow down.", "busy", retry_after=asked), 1) == waits


def test_entries_that_failed_together_are_not_tried_again_together() -> None:
    policy = RetryPolicy(max_tries=5, first_delay=100, max_delay=3600)
    delays = {policy.delay(EntryError("timeout", "Slow.", "passing"), 1) for _ in range(50)}
    assert len(delays) > 40
    assert 75 <= min(delays) <= max(delays) <= 125


def test_any_number_of_tries_has_a_delay() -> None:
    assert POLICY.delay(EntryError("timeout", "Slow.", "passing"), 10_000) == 3600
