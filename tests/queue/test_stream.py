"""The stream of episodes that need no page."""

from collections.abc import AsyncIterator

from scrapy import Request
from scrapy.http import Response
from scrapy.signalmanager import SignalManager

from podcrawler.items import Enclosure, Episode
from podcrawler.queue.node import Node
from podcrawler.queue.stream import DirectEpisodeMiddleware, EpisodeStream, is_stream


def episode(name: str) -> Episode:
    return Episode(name, "show", f"Episode {name}", enclosure=Enclosure(f"http://media.example/{name}.mp3"))


class Engine:
    """Keeps the requests that the stream has Scrapy crawl, and iterates over the items of their callbacks."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.node = Node(SignalManager())
        self.stream = EpisodeStream(self.requests.append, self.node)

    def items(self) -> AsyncIterator[Episode]:
        request = self.requests[-1]
        assert is_stream(request)
        response = DirectEpisodeMiddleware().process_request(request)
        assert isinstance(response, Response)
        assert request.callback is not None
        items: AsyncIterator[Episode] = request.callback(response)
        return items


async def test_one_request_serves_all_episodes_until_the_node_drains() -> None:
    engine = Engine()
    first, second = episode("1"), episode("2")
    engine.stream.add(first)
    items = engine.items()
    assert await anext(items) is first
    assert not engine.stream
    engine.stream.add(second)
    assert engine.stream
    engine.node.drain()
    # What was added is still passed on.
    assert [item async for item in items] == [second]
    assert len(engine.requests) == 1


async def test_a_paused_node_keeps_the_stream_open() -> None:
    engine = Engine()
    engine.node.pause("The disk is full.")
    engine.stream.add(episode("1"))
    items = engine.items()
    await anext(items)
    engine.node.resume()
    engine.stream.add(episode("2"))
    assert (await anext(items)).id == "2"


async def test_a_stream_whose_callback_failed_goes_on_in_another_request() -> None:
    engine = Engine()
    engine.stream.add(episode("1"))
    engine.stream.restart()
    assert len(engine.requests) == 2
    assert (await anext(engine.items())).id == "1"
    # Nothing is waiting: the next request is made when something is.
    engine.stream.restart()
    assert len(engine.requests) == 2
    engine.stream.add(episode("2"))
    assert len(engine.requests) == 3


def test_other_requests_are_left_to_the_downloader() -> None:
    assert DirectEpisodeMiddleware().process_request(Request("http://example.com/")) is None
