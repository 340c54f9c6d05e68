"""Batches: what is submitted while one is under way goes together, and each caller gets its own result."""

import asyncio
from collections.abc import Sequence

import pytest

from podcrawler.batching import Batcher


class Receiver:
    """Doubles numbers, each batch when ``answer`` is set."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.times: list[float] = []
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    async def send(self, numbers: list[int]) -> Sequence[int]:
        self.batches.append(numbers)
        self.times.append(asyncio.get_running_loop().time())
        self.asked.set()
        await self.answer.wait()
        if 0 in numbers:
            raise ZeroDivisionError
        return [2 * number for number in numbers]


def submit(batcher: Batcher[int, int], *numbers: int) -> list[asyncio.Future[int]]:
    return [batcher.submit(number) for number in numbers]


async def test_items_go_together_in_order_up_to_the_greatest_size() -> None:
    receiver = Receiver()
    batcher = Batcher(receiver.send, max_size=3)
    receiver.answer.set()
    assert await asyncio.gather(*submit(batcher, 1, 2, 3, 4)) == [2, 4, 6, 8]
    assert receiver.batches == [[1, 2, 3], [4]]


async def test_what_comes_while_a_batch_is_under_way_waits_for_the_next() -> None:
    receiver = Receiver()
    batcher = Batcher(receiver.send, max_size=3)
    first = submit(batcher, 1)
    await receiver.asked.wait()
    later = submit(batcher, 2, 3)
    assert batcher.unsent == [1, 2, 3]
    receiver.answer.set()
    assert await asyncio.gather(*first, *later) == [2, 4, 6]
    assert receiver.batches == [[1], [2, 3]]
    await batcher.drain()
    assert batcher.unsent == []


async def test_the_interval_lies_between_batches_and_not_before_the_first() -> None:
    receiver = Receiver()
    batcher = Batcher(receiver.send, max_size=1, interval=0.05)
    receiver.answer.set()
    await asyncio.gather(*submit(batcher, 1, 2, 3))
    gaps = [later - earlier for earlier, later in zip(receiver.times, receiver.times[1:], strict=False)]
    assert len(gaps) == 2
    assert min(gaps) > 0.045


async def test_an_error_reaches_the_callers_of_its_batch_alone() -> None:
    receiver = Receiver()
    batcher = Batcher(receiver.send, max_size=2)
    receiver.answer.set()
    results = await asyncio.gather(*submit(batcher, 0, 1, 2), return_exceptions=True)
    assert [type(result) for result in results] == [ZeroDivisionError, ZeroDivisionError, int]


async def test_a_receiver_that_answers_too_little_leaves_nobody_waiting() -> None:
    async def send(numbers: list[int]) -> Sequence[int]:
        return numbers[1:]

    results = await asyncio.gather(*submit(Batcher(send, max_size=9), 1, 2), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError]


@pytest.mark.parametrize("fails", [False, True])
async def test_a_cancelled_future_is_skipped_and_its_item_sent(fails: bool) -> None:
    receiver = Receiver()
    batcher = Batcher(receiver.send, max_size=9)
    first, second = submit(batcher, 0 if fails else 1, 2)
    await receiver.asked.wait()
    first.cancel()
    receiver.answer.set()
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert isinstance(results[1], ZeroDivisionError) if fails else results[1] == 4
    assert receiver.batches == [[0 if fails else 1, 2]]


async def test_draining_waits_for_what_is_under_way() -> None:
    receiver = Receiver()
    batcher = Batcher(receiver.send, max_size=1)
    callers = submit(batcher, 1, 2)
    await receiver.asked.wait()
    drained = asyncio.create_task(batcher.drain())
    receiver.answer.set()
    await drained
    assert receiver.batches == [[1], [2]]
    assert await asyncio.gather(*callers) == [2, 4]


async def test_draining_what_was_never_used_returns_at_once() -> None:
    await Batcher(Receiver().send, max_size=1).drain()
