"""``podcasts`` and ``episodes``, as a user runs them."""

import json
import subprocess
import sys
from typing import Any

from tests.builders import AT_ONCE, fill, media_requested
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

Line = dict[str, Any]


def listed(fleet: Commands, *words: str) -> list[Line]:
    ended = fleet.run(*words, "--json")
    assert (ended.status, ended.err) == (0, "")
    return [json.loads(line) for line in ended.out.splitlines()]


def test_an_archive_with_nothing_in_it(fleet: Commands, redis: Client) -> None:
    assert fleet.run("podcasts").out == "There is no podcast yet.\n"
    assert listed(fleet, "podcasts") == []
    assert redis.dbsize() == 0


def test_a_podcast_has_its_states_its_bytes_and_its_newest(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    good = f"{origin.address}/feed.xml?episodes=3&size=1000&title=Good"
    assert fleet.run("archive", good).status == 0
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=2&size=10&status=404&title=Gone")
    assert fleet.drain().status == 1
    before = {key: redis.dump(key) for key in redis.scan_iter()}

    by_title = {podcast["title"]: podcast for podcast in listed(fleet, "podcasts")}
    one, other = by_title.pop("Gone"), by_title.pop("Good")
    assert by_title == {}
    states = {"pending": 0, "leased": 0, "delayed": 0, "failed": 0, "finished": 0}
    assert one["episodes"] == {**states, "failed": 2}
    assert other["episodes"] == {**states, "finished": 3}
    assert (one["bytes"], other["bytes"]) == (0, 3000)
    assert other["address"] == good
    assert abs(redis.time()[0] - other["last_visit"]) < 120
    assert other["newest"] == {"id": "episode-3", "title": "Episode 3", "published": other["newest"]["published"]}

    text = fleet.run("podcasts").out.splitlines()
    assert len(text) == 2
    (line,) = (line for line in text if line.startswith(other["id"]))
    assert "  Good  3 finished (3.0 kB)  visited 20" in line
    assert line.endswith(f"Z  newest {other['newest']['published'][:10]} Episode 3")
    assert {key: redis.dump(key) for key in redis.scan_iter()} == before


def test_an_older_page_does_not_hide_the_newest(fleet: Commands, origin: RunningOrigin) -> None:
    assert fleet.run("archive", f"{origin.address}/feed.xml?episodes=4&size=10&pages=4").status == 0
    (podcast,) = listed(fleet, "podcasts")
    assert podcast["newest"]["id"] == "episode-4"


def test_episodes_have_their_file_and_their_reason(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    assert fleet.run("archive", f"{origin.address}/feed.xml?episodes=2&size=1000").status == 0
    ((podcast,),) = [[line["id"] for line in listed(fleet, "podcasts")]]
    finished = listed(fleet, "episodes", podcast)
    assert {(episode["id"], episode["state"], episode["size"], episode["file"]) for episode in finished} == {
        (f"episode-{number}", "finished", 1000, f"{podcast}/episode-{number}.Episode {number}.mp3") for number in (1, 2)
    }
    (fleet.archive / podcast / "episode-1.Episode 1.mp3").unlink()
    text = fleet.run("episodes", podcast).out
    assert "finished  episode-1  1.0 kB  (no file in this store)\n" in text
    assert "finished  episode-2  1.0 kB  episode-2.Episode 2.mp3\n" in text

    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size=10&status=404&title=Gone")
    assert fleet.drain().status == 1
    (gone,) = (line["id"] for line in listed(fleet, "podcasts") if line["title"] == "Gone")
    (failed,) = listed(fleet, "episodes", gone)
    assert (failed["state"], failed["kind"], failed["title"]) == ("failed", "http-404", "Episode 1")
    assert "answered 404 Not Found" in failed["reason"]
    assert f"failed    episode-1  Episode 1  [http-404] {failed['reason']}\n" == fleet.run("episodes", gone).out


def test_every_state_is_told(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=4&size=1000000&stall_after=10000")
    with fleet.start("crawl", "episodes", "-s", "PODCRAWLER_CONCURRENT_EPISODES=2", *AT_ONCE):
        until(lambda: media_requested(origin) == 2)
        (podcast,) = listed(fleet, "podcasts")
        assert {state: count for state, count in podcast["episodes"].items() if count} == {"pending": 2, "leased": 2}
        states = [episode["state"] for episode in listed(fleet, "episodes", podcast["id"])]
        assert sorted(states) == ["leased", "leased", "pending", "pending"]
        assert "2 pending, 2 leased" in fleet.run("podcasts").out
    redis.flushall()
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size=10&status=503")
    with fleet.start("crawl", "episodes", "-s", "PODCRAWLER_RETRY_DELAY=100", *AT_ONCE):
        until(lambda: redis.zcard("{podcrawler}:episodes:delayed") == 1)
        (podcast,) = listed(fleet, "podcasts")
        assert podcast["episodes"]["delayed"] == 1
        (delayed,) = listed(fleet, "episodes", podcast["id"])
    assert delayed["state"] == "delayed"
    assert 10 < delayed["next_try"] - redis.time()[0] < 2000


def test_what_was_imported_is_a_podcast_too(fleet: Commands) -> None:
    fill(fleet.folder / "old", **{"20001.title.mp3": 30, "20002.title.mp3": 40})
    assert fleet.run("import", "old", "--podcast", "rthk-287").status == 0
    assert fleet.run("podcasts").out == "rthk-287  2 finished (70 bytes)\n"
    assert len(listed(fleet, "episodes", "rthk-287")) == 2


def test_a_misspelt_podcast_gets_the_nearest_name(fleet: Commands) -> None:
    fill(fleet.folder / "old", **{"20001.title.mp3": 30})
    assert fleet.run("import", "old", "--podcast", "rthk-287").status == 0
    for wrong in ("rthk-278", "rthk-*"):
        ended = fleet.run("episodes", wrong)
        assert ended.status == 2
        assert ended.err == f"podcrawler: There is no podcast {wrong}; did you mean rthk-287?\n"


def test_values_that_cannot_be_read_are_left_out_with_a_line(fleet: Commands, redis: Client) -> None:
    redis.hset("{podcrawler}:podcasts", mapping={"show": "[1", "../..": "{}"})
    redis.hset("{podcrawler}:visited", "show", '{"at": "now", "newest": 7}')
    redis.hset("{podcrawler}:finished:show", mapping={"1": "5", "2": "many", "a/b": "3"})
    ended = fleet.run("podcasts")
    assert ended.out == "show  2 finished (5 bytes)\n"
    assert ended.err.count("Redis has a value that cannot be read and is left out: ") == 4
    assert [episode["size"] for episode in listed_loosely(fleet, "show")] == [5, None]


def listed_loosely(fleet: Commands, podcast: str) -> list[Line]:
    return [json.loads(line) for line in fleet.run("episodes", podcast, "--json").out.splitlines()]


def test_a_hundred_thousand_episodes_take_little_memory(fleet: Commands, redis: Client) -> None:
    count = 100_000
    for start in range(0, count, 10_000):
        records = {f"episode-{number}": 1_000_000 for number in range(start, start + 10_000)}
        redis.hset("{podcrawler}:finished:show", mapping=records)
    redis.hset("{podcrawler}:visited", "show", "{}")
    for words in (["status"], ["podcasts"], ["episodes", "show", "--json"]):
        program = (
            "import resource, subprocess, sys\n"
            f"subprocess.run([sys.executable, '-m', 'podcrawler', *{words!r}], stdout=subprocess.DEVNULL, check=True)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program], env=fleet.environment, cwd=fleet.folder, capture_output=True, check=True
        )
        peak = int(ended.stdout) * (1 if sys.platform == "darwin" else 1024)
        assert peak < 100_000_000, words
