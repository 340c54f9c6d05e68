from podcrawler.http.rotation import Rotation
from podcrawler.proxies import ProxyAddress


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def rotation(count: int) -> tuple[Rotation, Clock]:
    clock = Clock()
    return Rotation([ProxyAddress("http", f"h{n}", 80) for n in range(count)], clock), clock


def test_each_in_its_turn() -> None:
    proxies, _ = rotation(3)
    assert [proxies.choose() for _ in range(5)] == [0, 1, 2, 0, 1]
    assert [proxies.choose(tried) for tried in ((), (2,), (0, 2))] == [2, 0, 1]


def test_what_failed_rests_twice_as_long_each_time_up_to_half_an_hour() -> None:
    proxies, clock = rotation(2)
    rests = []
    for _ in range(9):
        rests.append(proxies.note_failure(0, chosen_at=clock.now))
        assert [proxies.choose() for _ in range(3)] == [1, 1, 1]
        clock.now += rests[-1]
        assert 0 in (proxies.choose(), proxies.choose())
    assert rests == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]
    proxies.note_success(0)
    assert proxies.note_failure(0, chosen_at=clock.now) == 30


def test_requests_that_failed_together_count_once() -> None:
    proxies, clock = rotation(2)
    clock.now += 5
    assert [proxies.note_failure(0, chosen_at=clock.now - n) for n in (3, 2, 1)] == [30, 30, 30]


def test_when_all_rest_the_one_whose_rest_ends_first() -> None:
    proxies, clock = rotation(3)
    for index in (1, 2, 0):
        proxies.note_failure(index, chosen_at=clock.now)
        clock.now += 1
    assert [proxies.choose(), proxies.choose(), proxies.choose((1,)), proxies.choose((1, 2))] == [1, 1, 2, 0]
