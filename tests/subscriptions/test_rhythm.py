"""When a feed is checked next, by what has come until now."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.sites.asked import Asked
from podcrawler.subscriptions.due import Bounds, after_check, after_failure
from podcrawler.subscriptions.rhythm import Rhythm

HOUR = 3600.0
DAY = 24 * HOUR
#: A Monday, 06:00 UTC.
MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC).timestamp()
BOUNDS = Bounds(600.0, 2 * DAY)


def daily(count: int = 30) -> Rhythm:
    return Rhythm.of_dates([MONDAY - number * DAY for number in range(count)], MONDAY)


def test_a_daily_show_is_checked_when_its_next_episode_is_due() -> None:
    assert daily().next_check(MONDAY) == pytest.approx(MONDAY + DAY, abs=HOUR / 2)


def test_a_show_of_working_days_is_not_looked_for_on_sundays() -> None:
    days = [MONDAY + number * DAY for number in range(-60, 5) if number % 7 < 5]
    friday = days[-1]
    rhythm = Rhythm.of_dates(days, friday)
    saturday = friday + DAY + HOUR
    checks = [saturday]
    while checks[-1] < friday + 3 * DAY - HOUR:
        checks.append(max(rhythm.next_check(checks[-1]), checks[-1] + BOUNDS.least))
    sunday = [check for check in checks if friday + 1.6 * DAY < check < friday + 2.6 * DAY]
    assert len(sunday) <= 1
    assert checks[-1] < friday + 3 * DAY + HOUR


def test_what_is_late_is_looked_for_soon_and_what_has_ended_more_and_more_seldom() -> None:
    rhythm = daily()
    waits = [
        rhythm.next_check(MONDAY + DAY + late) - MONDAY - DAY - late for late in (HOUR, 10 * HOUR, 5 * DAY, 90 * DAY)
    ]
    assert waits == sorted(waits)
    assert waits[0] <= 2 * HOUR
    assert waits[-1] > 10 * DAY


def test_of_a_feed_without_dates_and_promises_a_week_is_assumed() -> None:
    wait = Rhythm().next_check(MONDAY) - MONDAY
    assert DAY < wait < 3 * DAY
    assert Rhythm(promised=DAY).next_check(MONDAY) - MONDAY == pytest.approx(wait / 7)


def test_dates_count_if_they_can_be_true() -> None:
    """Between the last check that did not find the episode and the one that did."""
    rhythm = Rhythm((MONDAY,))
    absent, seen = MONDAY + DAY, MONDAY + DAY + 3 * HOUR
    came = {date: rhythm.with_arrival(date, absent, seen).arrivals[-1] for date in (0.0, absent + 60, seen + DAY, None)}
    middle = MONDAY + DAY + 1.5 * HOUR
    assert came == {0.0: middle, absent + 60: absent + 60, seen + DAY: middle, None: middle}


def test_episodes_that_come_together_are_one_arrival() -> None:
    assert len(Rhythm.of_dates([MONDAY, MONDAY + 60, MONDAY + 120], MONDAY + DAY).arrivals) == 1
    rhythm = Rhythm((MONDAY,))
    assert rhythm.with_arrival(MONDAY + 600, MONDAY, MONDAY + 1200) == rhythm


def test_dates_of_the_future_are_no_arrivals() -> None:
    assert Rhythm.of_dates([MONDAY + DAY, MONDAY - DAY, 0, -5], MONDAY).arrivals == (MONDAY - DAY,)


@given(
    st.lists(st.floats(0, 4e9), max_size=60),
    st.floats(0, 4e9),
    st.sampled_from([0.0, DAY, 7 * DAY]),
)
def test_whatever_the_dates_a_check_is_never_before_now_and_never_never(
    dates: list[float], now: float, promised: float
) -> None:
    check = Rhythm.of_dates(dates, now, promised).next_check(now)
    assert now <= check < now + 1e10
    assert now + BOUNDS.least <= after_check(Rhythm.of_dates(dates, now, promised), Asked(), BOUNDS, now, 0.5)


def test_a_check_keeps_to_what_the_user_and_the_publisher_ask_for() -> None:
    late = MONDAY + DAY
    assert after_check(daily(), Asked(), Bounds(2 * HOUR, DAY), late, 0) == late + 2 * HOUR
    assert after_check(daily(), Asked(), Bounds(60, HOUR), MONDAY, 0) == MONDAY + HOUR
    assert after_check(daily(), Asked(fresh_for=5 * HOUR), BOUNDS, late, 0) == late + 5 * HOUR
    assert after_check(daily(), Asked(fresh_for=1000 * DAY), BOUNDS, late, 0) == late + BOUNDS.most
    assert after_check(daily(), Asked(is_complete=True), BOUNDS, late, 0) == late + 30 * DAY


def test_hours_and_days_are_skipped() -> None:
    noon = Asked(skip_hours=frozenset(range(6, 12)))
    check = datetime.fromtimestamp(after_check(daily(), noon, Bounds(HOUR, HOUR), MONDAY, 0), UTC)
    assert (check.weekday(), check.hour) == (0, 12)
    wednesday = Asked(skip_days=frozenset([0, 1]))
    check = datetime.fromtimestamp(after_check(daily(), wednesday, Bounds(HOUR, HOUR), MONDAY, 0), UTC)
    assert (check.weekday(), check.hour) == (2, 0)


def test_who_skips_all_hours_is_checked_all_the_same() -> None:
    always = Asked(skip_hours=frozenset(range(24)))
    assert after_check(daily(), always, Bounds(HOUR, HOUR), MONDAY, 0) == MONDAY + HOUR


def test_failures_are_checked_again_at_growing_distances() -> None:
    waits = [after_failure(failures, BOUNDS, MONDAY, 0) - MONDAY for failures in (1, 2, 3, 1000)]
    assert waits == [1200, 2400, 4800, BOUNDS.most]


def test_checks_that_are_due_together_are_spread() -> None:
    checks = [after_check(daily(), Asked(), BOUNDS, MONDAY, chance) for chance in (0, 0.5, 1)]
    assert checks == sorted(set(checks))
    assert checks[-1] - checks[0] <= 600
