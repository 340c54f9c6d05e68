"""What becomes of the entries of a feed, visit after visit, with real nodes: in the store, in Redis, and in words."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from typing_extensions import override

from podcrawler.sites import identity
from tests import serving
from tests.conftest import Client, Commands

GUID = "<podcast:guid>c1f2a3b4-0000-5000-8000-000000000001</podcast:guid>"
AUDIO = b"ID3\x03\0\0\0\0\0\0" + b"\xff\xfb\x90\0" * 250


class Publisher:
    """A server of one feed, which tests change, and of a file at every other path. It records the paths of files."""

    def __init__(self) -> None:
        self.feed = ""
        self.asked: list[str] = []
        self.missing: set[str] = set()
        self.address = ""

    def publish(self, *items: str) -> None:
        self.feed = (
            "<rss version='2.0' xmlns:podcast='https://podcastindex.org/namespace/1.0'><channel><title>Show</title>"
            f"{''.join(items)}</channel></rss>"
        )

    def item(self, title: str, day: int, path: str, guid: str = "", kind: str = "audio/mpeg") -> str:
        url = path if ":" in path else f"{self.address}{path}"
        return (
            f"<item><title>{title}</title><pubDate>{day:02} Mar 2026 10:00:00 GMT</pubDate>"
            + (f"<guid isPermaLink='false'>{guid}</guid>" if guid else "")
            + f"<enclosure url='{url}' type='{kind}' length='{len(AUDIO)}'/></item>"
        )


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing() as publisher:
        yield publisher


@contextmanager
def publishing() -> Iterator[Publisher]:
    publisher = Publisher()

    class Handler(serving.Handler):
        @override
        def get(self) -> None:
            if self.path.endswith(".xml"):
                self.answer(200, publisher.feed.encode(), content_type="application/rss+xml")
                return
            publisher.asked.append(self.path)
            is_missing = self.path.partition("?")[0] in publisher.missing
            self.answer(404 if is_missing else 200, AUDIO, content_type="audio/mpeg")

    with serving.serving(Handler) as port:
        publisher.address = f"http://127.0.0.1:{port}"
        yield publisher


def archive(fleet: Commands, publisher: Publisher, *options: str, path: str = "/feed.xml") -> tuple[int, str]:
    """Exit status and output."""
    done = fleet.run("archive", f"{publisher.address}{path}", "-s", "PODCRAWLER_RETRY_DELAY=0.01", *options)
    return done.status, done.out


def test_every_entry_is_accounted_for(fleet: Commands, publisher: Publisher) -> None:
    good = publisher.item("Good", 1, "/1.mp3", "one")
    publisher.publish(
        good,
        "<item><title>Text alone</title></item>",
        publisher.item("Misspelt", 2, "htp://h.example/2.mp3", "two"),
        publisher.item("Cover", 3, "/cover.png", "three", "image/png"),
        good,
    )
    status, out = archive(fleet, publisher)
    account = (
        '5 entries: 1 episode, 1 without a media file, 1 with the address "htp://h.example/2.mp3", '
        '1 with a file that is neither audio nor video ("image/png"), 1 listed twice'
    )
    assert status == 1
    assert account in out
    assert '[address]: Its file is said to be at "htp://h.example/2.mp3"' in out
    assert publisher.asked == ["/1.mp3"]
    assert account in fleet.run("status").out
    (found,) = json.loads(fleet.run("status", "--json").out)["accounts"].values()
    assert (found["entries"], found["listed"], found["left_out"]["bad-address"]) == (5, 1, 1)

    publisher.feed = publisher.feed.replace("</rss>", "").replace("</channel>", "<item><title>Cut")
    assert "6 entries: " in (out := archive(fleet, publisher)[1])
    assert "1 in which the document breaks off" in out

    publisher.publish(good, publisher.item("Corrected", 2, "/2.mp3", "two"))
    status, out = archive(fleet, publisher)
    assert (status, "entries" in out, publisher.asked) == (0, False, ["/1.mp3", "/2.mp3"])
    assert "accounts" not in fleet.run("status").out


def test_an_address_that_nobody_can_ask_costs_no_other_episode(fleet: Commands, publisher: Publisher) -> None:
    bad = [f"http://h.example:{port}/1.mp3" for port in ("99999", "-1", "0", "port")]
    bad += ["http://[::1/1.mp3", "http://[h]/1.mp3", "http:///"]
    items = [publisher.item("Bad", day, address, f"bad-{day}") for day, address in enumerate(bad, 1)]
    publisher.publish(*items, publisher.item("Good", 9, "/1.mp3", "good"))
    status, out = archive(fleet, publisher)
    assert (status, publisher.asked) == (1, ["/1.mp3"])
    for address in bad:
        assert f'[address]: Its file is said to be at "{address}", which is no valid address' in out


def test_other_tokens_are_no_other_episode(fleet: Commands, publisher: Publisher, redis: Client) -> None:
    publisher.missing = {"/2.mp3"}
    for token in ("a1", "b2"):
        publisher.publish(
            publisher.item("Gone", 2, f"/2.mp3?token={token}", "two"),
            publisher.item("Without guid", 1, f"/1.mp3?token={token}"),
        )
        status, _ = archive(fleet, publisher)
        assert status == 1
    assert sorted(publisher.asked) == ["/1.mp3?token=a1", "/2.mp3?token=a1"]
    (entry,) = redis.hvals("{podcrawler}:episodes:entries")
    assert b"/2.mp3?token=b2" in entry


def test_a_weekly_show_without_guids_has_an_episode_a_week(fleet: Commands, publisher: Publisher) -> None:
    for week in (1, 2, 3):
        publisher.publish(publisher.item(f"Week {week}", 7 * week, f"/get.php?file={week}"))
        assert archive(fleet, publisher)[0] == 0
    assert publisher.asked == [f"/get.php?file={week}" for week in (1, 2, 3)]
    assert len(fleet.files()) == 3


def test_a_podcast_that_moves_to_another_host_is_not_downloaded_again(fleet: Commands, publisher: Publisher) -> None:
    publisher.publish(*(publisher.item(f"Part {n}", n, f"/{n}.mp3", f"old-{n}") for n in (2, 1)))
    assert archive(fleet, publisher)[0] == 0
    before = set(fleet.files())
    publisher.publish(*(publisher.item(f"Part {n}", n, f"/new/host/{n}.mp3", f"new-{n}") for n in (3, 2, 1)))
    for _ in range(2):
        assert archive(fleet, publisher)[0] == 0
        assert sorted(publisher.asked) == ["/1.mp3", "/2.mp3", "/new/host/3.mp3"]
    assert {name.rpartition("/")[2] for name in set(fleet.files()) - before} == {"new-3.Part 3.mp3"}


def test_files_that_only_the_text_of_an_entry_names_are_archived(fleet: Commands, publisher: Publisher) -> None:
    publisher.publish(
        "<item><title>Played</title><guid>one</guid><description>&lt;audio src='/1.mp3'&gt;</description></item>",
        "<item><title>Linked</title><guid>two</guid><description>&lt;a href='2.mp3'&gt;</description></item>",
    )
    for _ in range(2):
        assert archive(fleet, publisher)[0] == 0
        assert sorted(publisher.asked) == ["/1.mp3", "/2.mp3"]
    assert {name.rpartition("/")[2] for name in fleet.files()} == {"one.Played.mp3", "two.Linked.mp3"}


def test_what_an_earlier_release_archived_is_not_downloaded_again(
    fleet: Commands, publisher: Publisher, redis: Client
) -> None:
    """Release 0.1 knew an entry by its guid, or by the path of its file, alone: of twins it archived the first."""
    path_alone = identity.episode_id("", f"{publisher.address}/get.php")
    publisher.publish(publisher.item("Old", 1, "/old.mp3", "old"))
    assert archive(fleet, publisher)[0] == 0
    (podcast_id,) = [key.decode() for key in redis.hkeys("{podcrawler}:podcasts")]
    redis.hset(f"{{podcrawler}}:finished:{podcast_id}", mapping={"twins": len(AUDIO), path_alone: len(AUDIO)})
    redis.delete(f"{{podcrawler}}:identities:{podcast_id}")
    publisher.asked.clear()
    publisher.publish(
        publisher.item("Second", 4, "/second.mp3", "twins"),
        publisher.item("First", 3, "/first.mp3", "twins").replace(f"length='{len(AUDIO)}'", "length='1'"),
        publisher.item("Without guid", 2, "/get.php?file=1"),
        publisher.item("Old", 1, "/old.mp3", "old"),
    )
    assert archive(fleet, publisher)[0] == 0
    assert publisher.asked == ["/first.mp3"]


def test_all_audio_files_of_an_entry_can_be_episodes(fleet: Commands, publisher: Publisher) -> None:
    enclosures = "".join(f"<enclosure url='{publisher.address}/{part}.mp3' type='audio/mpeg'/>" for part in "abc")
    publisher.publish(f"<item><title>Parts</title><guid>parts</guid>{enclosures}</item>")
    assert archive(fleet, publisher)[0] == 0
    assert publisher.asked == ["/a.mp3"]
    for _ in range(2):
        assert archive(fleet, publisher, "-s", "PODCRAWLER_ENCLOSURES=all")[0] == 0
    assert sorted(publisher.asked) == ["/a.mp3", "/b.mp3", "/c.mp3"]
    assert len(fleet.files()) == 3


def test_other_kinds_of_files_can_be_wanted(fleet: Commands, publisher: Publisher) -> None:
    publisher.publish(publisher.item("Notes", 1, "/notes.pdf", "notes", "application/pdf"))
    status, out = archive(fleet, publisher)
    assert status == 2
    assert "name the kind of its files in PODCRAWLER_MEDIA" in out
    assert archive(fleet, publisher, "-s", "PODCRAWLER_MEDIA=audio, PDF")[0] == 0
    assert publisher.asked == ["/notes.pdf"]


def test_that_another_feed_declares_the_same_guid_is_told(fleet: Commands, publisher: Publisher) -> None:
    publisher.publish(GUID, publisher.item("One", 1, "/free.mp3", "one"))
    assert archive(fleet, publisher, path="/free.xml")[0] == 0
    publisher.publish(GUID, publisher.item("One", 1, "/members.mp3", "one"))
    for asked in (["/free.mp3", "/members.mp3"], ["/free.mp3", "/members.mp3"]):
        status, out = archive(fleet, publisher, path="/members.xml")
        assert (status, publisher.asked) == (0, asked)
        assert "It declares the guid of show-c1f2a3b4, which any feed can do, and is kept apart." in out
