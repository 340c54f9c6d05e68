"""The numbers of a job: steady, and no truer than what is known."""

from podcrawler.fleet.outcome import JobProgress
from podcrawler.fleet.pace import Pacer
from podcrawler.queue.overview import InHand

MB = 1_000_000


def progress(open_episodes: int, finished: int = 0, size: int = 0, *, found: int = 0, failed: int = 0) -> JobProgress:
    return JobProgress(open_episodes, 0, finished, size, found, failed)


def test_the_total_does_not_fall_when_an_episode_is_counted_nowhere_for_a_moment() -> None:
    pacer = Pacer()
    assert pacer.update(progress(10), [], 0).total == 10
    assert pacer.update(progress(9), [], 1).total == 10
    assert pacer.update(progress(9, 1, MB), [], 2).total == 10
    assert pacer.update(progress(12, 1, MB, found=2, failed=1), [], 3).total == 16
    assert pacer.update(progress(0, 10, 10 * MB, found=2, failed=1), [], 4).total == 13


def test_bytes_that_are_not_known_are_taken_for_the_average() -> None:
    pacer = Pacer()
    assert pacer.update(progress(4), [], 0).expected is None
    pace = pacer.update(progress(4), [InHand("a/1", "", 0, 10 * MB), InHand("a/2", "", 0, None)], 1)
    assert (pace.expected, pace.is_estimate) == (40 * MB, True)
    pace = pacer.update(progress(2, 2, 10 * MB), [InHand("a/3", "", 0, MB), InHand("a/4", "", 0, 3 * MB)], 2)
    assert (pace.expected, pace.is_estimate) == (14 * MB, False)


def test_the_rate_is_that_of_the_bytes_that_came_and_tells_the_time_that_is_left() -> None:
    pacer = Pacer()

    def received(mb: int, resumed: int = 0) -> list[InHand]:
        return [InHand("a/1", "", mb * MB, 100 * MB, resumed=resumed * MB)]

    pace = pacer.update(progress(1), [], 0)
    assert (pace.rate, pace.left) == (0, None)
    # Of these, 50 MB were there before.
    assert pacer.update(progress(1), received(50, resumed=50), 1).rate == 0
    pace = pacer.update(progress(1), received(60, resumed=50), 2)
    assert (pace.rate, pace.left) == (5 * MB, 8)
    pace = pacer.update(progress(0, 1, 100 * MB), [], 4)
    assert (pace.rate, pace.received, pace.left) == (12.5 * MB, 100 * MB, 0)
    for second in range(5, 16):
        pace = pacer.update(progress(0, 1, 100 * MB), [], second)
    assert pace.rate == 0
