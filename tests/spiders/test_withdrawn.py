"""An episode that a feed lists no more, although it lists older and newer ones, is marked as withdrawn, and kept."""

import json

from tests.archives import events_of
from tests.conftest import Client, Commands
from tests.spiders.test_listing import Publisher, archive, publisher

__all__ = ["publisher"]


def publish(publisher: Publisher, *days: int) -> None:
    """A feed with an episode for each of these days of March."""
    publisher.publish(*(publisher.item(f"Day {day}", day, f"/{day}.mp3", f"day-{day}") for day in reversed(days)))


def marked(fleet: Commands, redis: Client) -> dict[str, bool]:
    """By episode: whether it is said to be withdrawn, in both forms alike."""
    (podcast_id,) = (name.decode() for name in redis.hkeys("{podcrawler}:podcasts"))
    text = fleet.run("episodes", podcast_id).out.splitlines()
    told = {line.split()[1]: "  withdrawn since 20" in line for line in text}
    found = [json.loads(line) for line in fleet.run("episodes", podcast_id, "--json").out.splitlines()]
    assert {line["id"]: line["withdrawn"] is not None for line in found} == told
    now = redis.time()[0]
    assert all(line["withdrawn"] is None or abs(now - line["withdrawn"]) < 120 for line in found)
    assert all(line["state"] == "finished" and line["file"] for line in found)
    return told


def test_an_episode_that_vanished_is_marked_and_kept_until_it_is_back(
    fleet: Commands, redis: Client, publisher: Publisher
) -> None:
    publish(publisher, 1, 2, 3, 4)
    assert archive(fleet, publisher)[0] == 0
    assert not any(marked(fleet, redis).values())
    publish(publisher, 1, 3, 4)
    assert archive(fleet, publisher)[0] == 0
    assert marked(fleet, redis) == {"day-1": False, "day-2": True, "day-3": False, "day-4": False}
    (journal,) = fleet.archive.glob("*/events.jsonl")
    (event,) = (event for event in events_of(journal.parent) if event["event"] == "withdrawn")
    assert event["episode"] == f"{journal.parent.name}/day-2"
    assert (journal.parent / event["file"]).exists()
    publish(publisher, 1, 2, 3, 4)
    archive(fleet, publisher)
    assert not any(marked(fleet, redis).values())
    assert len(publisher.asked) == 4, "each file once"


def test_what_a_feed_has_no_room_for_is_not_withdrawn(fleet: Commands, redis: Client, publisher: Publisher) -> None:
    """Nor is the newest one, of which nothing proves it yet: it is when there is a newer one."""
    publish(publisher, 1, 2, 3, 4)
    archive(fleet, publisher)
    publish(publisher, 2, 3)
    archive(fleet, publisher)
    assert not any(marked(fleet, redis).values())
    publish(publisher, 3, 5)
    archive(fleet, publisher)
    assert {name for name, is_marked in marked(fleet, redis).items() if is_marked} == {"day-4"}


def test_one_feed_withdraws_nothing_that_another_of_its_podcast_lists(
    fleet: Commands, redis: Client, publisher: Publisher
) -> None:
    publish(publisher, 1, 2, 3)
    archive(fleet, publisher)
    (podcast_id,) = redis.hvals("{podcrawler}:addresses")[:1]
    assert fleet.run("merge", f"{publisher.address}/other.xml", podcast_id.decode()).status == 0
    archive(fleet, publisher, path="/other.xml")
    publish(publisher, 1, 3)
    archive(fleet, publisher)
    assert not any(marked(fleet, redis).values())
    publish(publisher, 1, 2, 3)
    archive(fleet, publisher)
    publish(publisher, 1, 3)
    archive(fleet, publisher)
    assert marked(fleet, redis)["day-2"]


def test_entries_whose_kind_is_wanted_no_more_are_still_listed(
    fleet: Commands, redis: Client, publisher: Publisher
) -> None:
    items = [publisher.item(f"Day {day}", day, f"/{day}.mp3", f"day-{day}") for day in (1, 3)]
    paper = publisher.item("Notes", 2, "/2.pdf", "day-2", kind="application/pdf")
    publisher.publish(items[1], paper, items[0])
    archive(fleet, publisher, "-s", "PODCRAWLER_MEDIA=audio,pdf")
    dates = redis.hgetall(next(redis.scan_iter("{podcrawler}:published:*")))
    assert len(dates) == 3
    archive(fleet, publisher)
    assert not list(redis.scan_iter("{podcrawler}:withdrawn:*"))


def test_no_page_of_several_withdraws_what_is_on_another(fleet: Commands, redis: Client, publisher: Publisher) -> None:
    publish(publisher, 1, 2, 3)
    archive(fleet, publisher)
    link = "<link xmlns='http://www.w3.org/2005/Atom' rel='next' href='/feed.xml?page=2'/>"
    publisher.publish(link, *(publisher.item(f"Day {day}", day, f"/{day}.mp3", f"day-{day}") for day in (3, 1)))
    archive(fleet, publisher)
    assert not any(marked(fleet, redis).values())
