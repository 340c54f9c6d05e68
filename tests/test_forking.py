"""Forks (tests/forking.py) do what interpreters do, and so each command is run in an interpreter here at least once."""

import re
import signal

import psutil
import pytest

from podcrawler.cli.table import COMMANDS
from tests.builders import AT_ONCE, fill, media_requested
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

#: The arguments of each command; ``{origin}`` is the origin's address.
ARGUMENTS = {
    "archive": ["{origin}/feed.xml?episodes=2&size=10"],
    "crawl": ["episodes", "-a", "address={origin}/feed.xml?episodes=2&size=10", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1"],
    "episodes": ["nowhere"],
    "failed": [],
    "fetch": ["{origin}/feed.xml"],
    "forget": ["nowhere/none"],
    "import": ["old", "--podcast", "rthk-287"],
    "keep": ["nowhere", "--keep", "3"],
    "merge": ["old", "new"],
    "parse": ["{origin}/feed.xml"],
    "pause": [],
    "podcasts": [],
    "publish": ["--base-url", "https://example.com", "-s", "FILES_STORE=old"],
    "refresh": ["--all"],
    "resume": [],
    "retry": ["--all"],
    "site-check": ["site.toml", "{origin}/feed.xml"],
    "shell": ["{origin}/feed.xml", "-c", "response.url"],
    "status": [],
    "subscribe": ["{origin}/feed.xml"],
    "subscriptions": ["--opml"],
    "unsubscribe": ["nowhere"],
    "view": ["{origin}/feed.xml"],
    "verify": [],
    "bag": ["nowhere"],
    "check": [],
    "list": [],
    "runspider": ["nowhere.py"],
    "settings": ["--get", "BOT_NAME"],
    "version": [],
    "completion": ["bash"],
    "help": [],
    "nonsense": [],
}


def test_every_command_of_ours_is_compared() -> None:
    assert COMMANDS.keys() <= ARGUMENTS.keys()


@pytest.mark.parametrize("command", ARGUMENTS)
def test_a_fork_does_what_an_interpreter_does(
    fleet: Commands, redis: Client, origin: RunningOrigin, command: str
) -> None:
    arguments = [argument.format(origin=origin.address) for argument in ARGUMENTS[command]]
    ends = []
    for folder, template in (("fork", fleet.template), ("interpreter", None)):
        redis.flushall()
        there = Commands(fleet.folder / folder, fleet.environment, template=template)
        fill(there.folder / "old", **{"20001.title.mp3": 3})
        ended = there.run(command, *arguments, BROWSER="true")
        assert "Traceback" not in ended.err
        keys = sorted(key for key in redis.scan_iter() if b":node" not in key)
        ends.append((ended.status, re.sub(r"\d+\.\d s", "", ended.out), there.files(), keys))
    assert ends[0] == ends[1]


def test_a_fork_is_a_session_of_its_own_and_gets_signals(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size=1000000&stall_after=1000")
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)):
        with fleet.start("crawl", "episodes", *AT_ONCE) as node:
            seen = psutil.Process(node.pid)
            until(lambda: media_requested(origin) == 1)
            assert seen.cwd() == str(fleet.folder)
            assert node.poll() is None
            node.send_signal(number)
            assert node.wait(20) == node.poll() == status
        assert not seen.is_running()
        origin.reset()


def test_a_fork_is_killed_when_its_block_ends(fleet: Commands) -> None:
    with fleet.start("crawl", "episodes") as node:
        seen = psutil.Process(node.pid)
    assert node.poll() == -9
    assert not seen.is_running()
