"""``failed``: what it lists, how it groups, and how failures are forgotten."""

import json
import time

import pytest

from podcrawler.exceptions import EntryError
from podcrawler.queue import acks
from podcrawler.queue.broker import Broker
from tests.builders import episode, lease_one, make_broker
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin

DAY = 86_400


@pytest.fixture
def queue(redis: Client) -> Broker:
    return make_broker(redis)


def fails(
    queue: Broker, number: int, kind: str, reason: str, *, podcast: str = "show", host: str = "h", ago: int = 0
) -> None:
    """Have an episode fail ``ago`` seconds ago."""
    queue.push_many([episode(number, podcast=podcast, host=host)])
    now = round((time.time() - ago) * 1000)
    failure_class = "blocked" if kind == "http-403" else "permanent"
    error = EntryError(kind, reason, failure_class)  # type: ignore[arg-type]  # one of the literals
    assert queue.acknowledge([acks.give_up(lease_one(queue, now), error, tries=1, delay=0, now=now)]) == ["failed"]


def keys(fleet: Commands, *words: str) -> list[str]:
    """The keys that are listed, in that order."""
    return [json.loads(line)["key"] for line in fleet.run("failed", "--json", *words).out.splitlines()]


def unfailed(key: str) -> str:
    return f"{key} has not failed; `python -m podcrawler failed` lists what has.\n"


def test_what_has_one_cause_is_told_once(fleet: Commands, queue: Broker) -> None:
    fails(queue, 1, "http-404", "h answered 404.", ago=90)
    fails(queue, 2, "disk-error", "The disk is bad.", host="h", ago=80)
    fails(queue, 3, "http-404", "h answered 404.", ago=70)
    fails(queue, 4, "disk-error", "The disk is bad.", host="other", ago=60)
    fails(queue, 5, "too-small", "h sent 5 bytes.", ago=50)
    fails(queue, 6, "too-small", "h sent 6 bytes.", ago=40)
    fails(queue, 7, "http-404", "other answered 404.", host="other", ago=30)
    lines = [line[: line.index("20")] + line[line.index("Z  ") + 3 :] if "Z  " in line else line
             for line in fleet.run("failed").out.splitlines()]  # fmt: skip
    assert lines == [
        "2 http-404: h answered 404.",
        "    show/1  [1 try]",
        "    show/3  [1 try]",
        "2 disk-error: The disk is bad.",
        "    show/2  [1 try]",
        "    show/4  [1 try]",
        "2 too-small at h:",
        "    show/5  [1 try] h sent 5 bytes.",
        "    show/6  [1 try] h sent 6 bytes.",
        "show/7  [http-404, 1 try] other answered 404.",
    ]
    assert keys(fleet) == [f"show/{number}" for number in range(1, 8)]


def test_only_some_are_listed(fleet: Commands, queue: Broker) -> None:
    fails(queue, 1, "http-404", "Gone.", ago=3 * DAY)
    fails(queue, 2, "http-403", "No.", ago=3 * 3600)
    fails(queue, 3, "http-404", "Gone.", podcast="other", ago=60)
    assert keys(fleet, "--class", "blocked") == ["show/2"]
    assert keys(fleet, "--podcast", "other") == ["other/3"]
    assert keys(fleet, "--since", "2h") == ["other/3"]
    assert keys(fleet, "--since", "1d") == ["show/2", "other/3"]
    assert keys(fleet, "--since", "2000-01-01") == ["show/1", "show/2", "other/3"]
    assert keys(fleet, "--since", "2200-01-01T10:00+02:00") == []
    assert keys(fleet, "--limit", "2") == ["show/2", "other/3"]
    assert keys(fleet, "--podcast", "show", "--limit", "1") == ["show/2"]
    assert fleet.run("failed", "--podcast", "none").out == "Nothing of that has failed.\n"


@pytest.mark.parametrize("words", [["failed", "--forget"], ["retry", "--forget"]], ids=" ".join)
def test_what_is_forgotten_is_new_when_it_is_listed_again(
    fleet: Commands, redis: Client, origin: RunningOrigin, words: list[str]
) -> None:
    address = f"{origin.address}/feed.xml?episodes=2&size=10&status=404"
    assert fleet.run("archive", address).status == 1
    first, second = keys(fleet)
    assert fleet.run(*words, first).out == "1 forgotten; what is listed again is queued again.\n"
    assert keys(fleet) == [second]
    left = redis.hkeys("{podcrawler}:episodes:entries"), redis.hkeys("{podcrawler}:episodes:routes")
    assert left == ([second.encode()], [second.encode()])
    again = fleet.run(*words, first, "nothing/1")
    assert (again.status, again.err) == (2, unfailed(first) + unfailed("nothing/1"))
    origin.reset()
    # A failure for good is not tried again, but what is new is.
    assert fleet.run("archive", address).status == 1
    assert sum(path.startswith("/bytes/") for path in origin.counts()) == 1
    assert set(keys(fleet)) == {first, second}
    assert fleet.run("retry", "--class", "permanent", "--forget").out.startswith("2 forgotten;")
    assert keys(fleet) == []


def test_retry_tells_of_what_has_not_failed(fleet: Commands, queue: Broker) -> None:
    fails(queue, 1, "http-404", "Gone.")
    queue.push_many([episode(2)])
    told = fleet.run("retry", "show/1", "show/2", "x")
    assert (told.status, told.out, told.err) == (0, "1 queued again.\n", unfailed("show/2") + unfailed("x"))
    told = fleet.run("retry", "--finished", "show/2")
    assert told.err == "show/2 is not finished; `python -m podcrawler episodes show` lists what is.\n"


def test_a_page_that_failed_is_forgotten(fleet: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/nothing"
    assert fleet.run("archive", address).status == 2
    assert keys(fleet, "--podcast", address) == [address]
    assert fleet.run("failed", "--forget", address).status == 0
    assert fleet.run("failed").out == "Nothing has failed.\n"
