"""What docs/security.md promises of the users of Redis that it describes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from tests.builders import seed
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin

DOCUMENT = Path(__file__).parent.parent / "docs" / "security.md"


def rules(user: str) -> list[str]:
    """The arguments of ACL SETUSER for a user, as the document has them."""
    (found,) = re.findall(rf"^user {user} ((?:.*\\\n)*.*)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return str(found).replace("\\\n", " ").split()


@pytest.fixture
def users(fleet: Commands, redis: Client) -> Iterator[dict[str, str]]:
    """The URLs of Redis for the users of the document."""
    server = fleet.environment["REDIS_URL"].removeprefix("unix://")
    names = ("podcrawler", "podcrawler-reader")
    for name in names:
        redis.execute_command("ACL", "SETUSER", name, "reset", *rules(name), ">secret")
    redis.execute_command("ACL", "LOG", "RESET")
    yield {name: f"unix://{name}:secret@{server}" for name in names}
    redis.execute_command("ACL", "DELUSER", *names)


def test_a_user_of_least_privilege_can_do_all_that_nodes_and_commands_do(
    fleet: Commands, redis: Client, origin: RunningOrigin, users: dict[str, str]
) -> None:
    fleet.environment["REDIS_URL"] = users["podcrawler"]
    address = f"{origin.address}/feed.xml?size=1000"
    archived = fleet.run("archive", f"{address}&episodes=3&pages=2&title=One", f"{address}&status=404&title=Two")
    assert archived.status == 1
    assert len(fleet.files()) == 3

    seed(redis, f"{address}&episodes=1&title=Three", "podcasts")
    redis.zadd("episodes:start_urls", {f"{address}&episodes=1&title=Four": 1})
    assert fleet.run("crawl", "podcasts", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1").status == 0
    assert fleet.run("pause").status == 0
    assert fleet.run("resume").status == 0
    assert fleet.run("retry", "--all").status == 0
    assert fleet.drain("-s", "PODCRAWLER_RETRY_DELAY=0.01").status == 1
    assert len(fleet.files()) == 5
    feed = f"{address}&episodes=1&title=Five"
    for words in (["subscribe", feed], ["archive"], ["refresh", feed], ["unsubscribe", feed]):
        assert fleet.run(*words).status == 0
    for words in (["status"], ["failed"], ["podcasts"], ["subscriptions"], ["subscriptions", "--opml"]):
        assert fleet.run(*words).status == 0
    assert fleet.run("import", str(fleet.archive)).status == 0
    kept, gone = sorted(path.name for path in fleet.archive.glob("[!.]*/"))[:2]
    assert fleet.run("merge", gone, kept).status == 0
    assert redis.execute_command("ACL", "LOG") == []


def test_a_user_who_may_only_read_sees_what_goes_on_and_changes_nothing(
    fleet: Commands, redis: Client, origin: RunningOrigin, users: dict[str, str]
) -> None:
    seed(redis, f"{origin.address}/feed.xml?size=1000&episodes=2&status=404")
    assert fleet.drain().status == 1
    redis.hset("{podcrawler}:logins", "show", '["ann", "secret"]')
    assert fleet.run("subscribe", "https://show.example/feed").status == 0
    before = {key: redis.dump(key) for key in redis.scan_iter()}

    fleet.environment["REDIS_URL"] = users["podcrawler-reader"]
    assert "2 failed" in fleet.run("status").out
    assert len(fleet.run("failed", "--json").out.splitlines()) == 2
    (podcast,) = (json.loads(line)["id"] for line in fleet.run("podcasts", "--json").out.splitlines())
    assert len(fleet.run("episodes", podcast).out.splitlines()) == 2
    assert fleet.run("subscriptions").out == "https://show.example/feed  new  next at once\n"
    assert redis.execute_command("ACL", "LOG") == []

    for command in (["retry", "--all"], ["pause"], ["resume"], ["crawl", "episodes"], ["archive", "http://x.example/"]):
        ended = fleet.run(*command)
        assert ended.status == 2
        assert "permission" in ended.err
        assert "Traceback" not in ended.err
    assert {key: redis.dump(key) for key in redis.scan_iter()} == before


@pytest.mark.parametrize("user", ["podcrawler", "podcrawler-reader"])
def test_no_user_reaches_what_is_not_podcrawlers(users: dict[str, str], user: str) -> None:
    with Redis.from_url(users[user]) as client:
        for command in (
            ["GET", "another"],
            ["SET", "another", "1"],
            ["CONFIG", "GET", "*"],
            ["FLUSHALL"],
            ["KEYS", "*"],
            ["SHUTDOWN"],
            ["ACL", "LIST"],
            ["MODULE", "LIST"],
            ["REPLICAOF", "NO", "ONE"],
            ["MONITOR"],
            ["PUBLISH", "a", "b"],
        ):
            with pytest.raises(NoPermissionError):
                client.execute_command(*command)
