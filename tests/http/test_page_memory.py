"""Which pages wait for memory, and which go on."""

import asyncio
import gc

import pytest
from scrapy.http import Response

from podcrawler.exceptions import FetchError
from podcrawler.http.page_memory import PageMemory, Room

MB = 1024 * 1024


async def let_others_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_page_of_a_megabyte_takes_nothing() -> None:
    memory = PageMemory(0, None)
    large = Room(memory)
    await large.grow(9 * MB)
    for _ in range(100):
        await Room(memory).grow(MB)


async def test_two_pages_that_are_half_read_do_not_wait_for_each_other() -> None:
    memory = PageMemory(10 * MB, None)
    rooms = [Room(memory), Room(memory)]
    for room in rooms:
        await room.grow(6 * MB)
    growing = [asyncio.create_task(room.grow(60 * MB)) for room in rooms]
    rooms.clear()
    del room
    await asyncio.wait_for(growing.pop(0), 10)
    await asyncio.wait_for(growing.pop(0), 10)


async def test_the_room_of_a_response_is_free_when_nothing_refers_to_it() -> None:
    memory = PageMemory(MB, None)
    room = Room(memory)
    await room.grow(30 * MB)
    response = Response("http://a.example/")
    room.keep_for(response)
    assert Room.of(response) is room
    del room
    growing = asyncio.create_task(Room(memory).grow(30 * MB))
    await let_others_run()
    assert not growing.done()
    del response
    await asyncio.wait_for(growing, 10)


async def test_what_only_the_garbage_collector_frees_is_not_waited_for() -> None:
    memory = PageMemory(MB, None)
    gc.disable()
    try:
        room = Room(memory)
        await room.grow(30 * MB)
        error = ValueError(room)
        error.__cause__ = error
        del room, error
        await asyncio.wait_for(Room(memory).grow(30 * MB), 10)
    finally:
        gc.enable()


async def test_a_page_that_is_given_up_while_it_waits_lets_the_next_one_go_on() -> None:
    memory = PageMemory(MB, None)
    first = Room(memory)
    await first.grow(30 * MB)
    growing = [asyncio.create_task(Room(memory).grow(30 * MB)) for _ in range(2)]
    await let_others_run()
    growing[0].cancel()
    await let_others_run()
    del first
    await asyncio.wait_for(growing[1], 10)


async def test_a_page_that_waits_too_long_is_put_back() -> None:
    memory = PageMemory(MB, 0.01)
    first = Room(memory)
    await first.grow(30 * MB)
    with pytest.raises(FetchError, match="waited") as failure:
        await Room(memory).grow(30 * MB)
    assert (failure.value.kind, failure.value.failure_class) == ("no-room", "local")
    # The first one is held up by nobody.
    await first.grow(60 * MB)
