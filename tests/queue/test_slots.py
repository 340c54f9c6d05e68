"""How many leases a node asks for, in numbers."""

import pytest

from podcrawler.queue.slots import Load, Pace, free_acknowledgements, leases_to_request, occupied_slots


def load(prefetched: int = 0, ages: tuple[float, ...] = (), publishing: int = 0, acknowledging: int = 0) -> Load:
    return Load(prefetched, ages, publishing, acknowledging)


#: Works through large files, each for a minute, beside its Redis.
NEAR = Pace(round_trip=0.001, distance=0.0005, work_time=60)
#: Works through small files, each for 20 ms, and Redis is 200 ms away.
FAR = Pace(round_trip=0.2, distance=0.2, work_time=0.02)


@pytest.mark.parametrize(
    ("capacity", "distance", "work_time", "free"),
    [
        # So many beside any Redis.
        (2, 0.0, 0.02, 10),
        (8, 0.0, 0.02, 16),
        (8, 0.001, 60, 16),
        # Two round trips' worth of entries.
        (2, 0.2, 0.02, 40),
        (2, 0.2, 0.04, 20),
        # No work is taken to need less than a millisecond.
        (2, 0.2, 0.0, 800),
    ],
)
def test_acknowledgements_occupy_slots_beyond_those_that_the_distance_explains(
    capacity: int, distance: float, work_time: float, free: int
) -> None:
    assert free_acknowledgements(capacity, Pace(distance=distance, work_time=work_time)) == free


@pytest.mark.parametrize(
    ("held", "occupied"),
    [
        (load(), 0),
        (load(prefetched=5), 0),
        (load(ages=(1, 2)), 2),
        (load(publishing=2), 0),
        (load(publishing=4), 2),
        (load(acknowledging=10), 0),
        (load(acknowledging=12), 2),
        (load(prefetched=3, ages=(1,), publishing=3, acknowledging=11), 3),
    ],
)
def test_what_waits_for_disk_and_redis_occupies_slots_beyond_a_limit(held: Load, occupied: int) -> None:
    assert occupied_slots(2, held, NEAR) == occupied


@pytest.mark.parametrize(
    ("capacity", "held", "pace", "count"),
    [
        pytest.param(8, load(), NEAR, 8, id="one for each slot"),
        pytest.param(8, load(ages=(30,) * 5), NEAR, 3, id="one for each free slot"),
        pytest.param(8, load(ages=(30,) * 8), NEAR, 0, id="no prefetching of large files"),
        pytest.param(8, load(ages=(30,) * 5, prefetched=3), NEAR, 0, id="the free slots have their leases"),
        pytest.param(2, load(publishing=2), NEAR, 2, id="none occupied by the disk"),
        pytest.param(2, load(publishing=4), NEAR, 0, id="all occupied by the disk"),
        pytest.param(2, load(acknowledging=12), NEAR, 0, id="all occupied by a slow Redis"),
        pytest.param(2, load(), FAR, 10, id="prefetch at most four times the capacity"),
        pytest.param(2, load(ages=(0.01, 0.01), prefetched=8), FAR, 0, id="all is prefetched"),
        pytest.param(2, load(ages=(0.01, 0.01), prefetched=5), FAR, 0, id="more than half is left"),
        pytest.param(2, load(ages=(0.01, 0.01), prefetched=4), FAR, 4, id="half is used up"),
        pytest.param(2, load(ages=(60, 60)), FAR, 0, id="what takes long now frees no slot soon"),
        pytest.param(2, load(ages=(60,)), FAR, 9, id="one takes long now, the other slot is for small files"),
        pytest.param(2, load(acknowledging=12), FAR, 4, id="no more than eight times the capacity in all"),
        pytest.param(2, load(acknowledging=16), FAR, 0, id="eight times the capacity are held"),
        pytest.param(2, load(acknowledging=20), FAR, -4, id="more are held"),
        pytest.param(
            8,
            load(),
            Pace(round_trip=0.001, distance=0.0005, work_time=0.1),
            12,
            id="small files beside Redis: 50 ms of work ahead",
        ),
    ],
)
def test_a_node_asks_for_what_it_is_about_to_begin(capacity: int, held: Load, pace: Pace, count: int) -> None:
    assert leases_to_request(capacity, held, pace) == count


def test_a_node_expects_large_files_until_it_has_measured() -> None:
    assert leases_to_request(8, load(), Pace()) == 8


def test_the_pace_follows_what_is_measured() -> None:
    pace = Pace()
    for _ in range(30):
        pace.note_round_trip(0.3)
        pace.note_answer(0.2)
        pace.note_work(5)
    assert pace.round_trip == pytest.approx(0.3, rel=0.01)
    assert pace.distance == 0.2
    assert pace.work_time == pytest.approx(5, rel=0.01)


def test_a_redis_that_is_slow_for_once_is_not_far() -> None:
    pace = Pace(distance=0.2)
    pace.note_answer(1.2)
    assert pace.distance == pytest.approx(0.22)
    pace.note_answer(0.1)
    assert pace.distance == 0.1


def test_a_round_trip_that_waited_for_a_restart_counts_as_a_second() -> None:
    pace = Pace()
    pace.note_round_trip(3600)
    assert pace.round_trip == pytest.approx(0.2)
