"""What nodes tell the user's programs: commands and a webhook, real ones."""

import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from typing_extensions import override

from tests import serving
from tests.builders import seed
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

#: Writes what it is told to a file of its own; a title says that it shall do something else.
PROGRAM = """
    import json, os, sys, time
    facts = json.load(sys.stdin)
    told = {name[5:].lower(): value for name, value in os.environ.items() if name.startswith("HOOK_")}
    assert told.keys() == facts.keys()
    assert all(told[name] == ("" if fact is None else str(fact)) for name, fact in facts.items())
    with open(f"told-{os.getpid()}.json", "w") as file:
        json.dump(facts, file)
    if "fails" in sys.argv:
        sys.exit("The disk of the hook is full")
    if "hangs" in sys.argv:
        time.sleep(1000)
"""


@pytest.fixture
def program(fleet: Commands) -> str:
    path = fleet.folder / "a program.py"
    path.write_text(dedent(PROGRAM))
    return f"'{sys.executable}' '{path}'"


def told(commands: Commands) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(commands.folder.glob("told-*.json"))]


def test_a_command_is_told_of_each_event(fleet: Commands, redis: Client, origin: RunningOrigin, program: str) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=2&size=1000")
    seed(redis, f"{origin.address}/bytes/1.xml?status=404")
    ended = fleet.drain(PODCRAWLER_ON_FINISHED=program, PODCRAWLER_ON_FAILED=program)
    assert ended.status == 1
    events = told(fleet)
    finished = {facts["title"]: facts for facts in events if facts["event"] == "finished"}
    assert {Path(facts["file"]): facts["size"] for facts in finished.values()} == {
        fleet.archive.resolve() / path: size for path, size in fleet.files().items()
    }
    for facts in finished.values():
        assert hashlib.sha256(Path(facts["file"]).read_bytes()).hexdigest() == facts["sha256"]
    (failed,) = (facts for facts in events if facts["event"] == "failed")
    assert (failed["entry"], failed["kind"]) == (f"{origin.address}/bytes/1.xml?status=404", "http-404")
    assert len(events) == 3


def test_a_command_is_told_of_a_podcast_that_is_gone(fleet: Commands, origin: RunningOrigin, program: str) -> None:
    address = f"{origin.address}/bytes/1.xml?status=410"
    fleet.run("subscribe", address)
    with fleet.start("crawl", "podcasts", PODCRAWLER_ON_PODCAST_DEAD=program) as node:
        until(lambda: told(fleet))
        node.terminate()
        node.wait(30)
    (facts,) = told(fleet)
    assert (facts["event"], facts["address"]) == ("podcast-dead", address)
    assert "410" in facts["reason"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("fails", "ended with status 1: The disk of the hook is full"),
        ("hangs", "did not end within 0.5 s, and was killed"),
        ("", "no-such-program cannot be started (No such file or directory)"),
    ],
)
def test_what_a_command_does_wrong_is_told_and_changes_nothing(
    fleet: Commands, redis: Client, origin: RunningOrigin, program: str, how: str, words: str
) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=1&size=1000")
    command = f"{program} {how}" if how else "/no-such-program"
    with fleet.start("crawl", "episodes", PODCRAWLER_ON_FINISHED=command, PODCRAWLER_HOOK_TIME="0.5") as node:
        until(lambda: words in fleet.run("status").out)
        node.terminate()
        _, log = node.communicate(timeout=30)
    assert node.returncode == 130
    assert words in log
    assert "Traceback" not in log
    assert len(fleet.files()) == 1


def test_a_node_that_stops_waits_for_its_hooks_no_longer_than_its_grace(
    fleet: Commands, redis: Client, origin: RunningOrigin, program: str
) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=1&size=1000")
    limits = {"PODCRAWLER_SHUTDOWN_GRACE": "0.5", "PODCRAWLER_HOOK_TIME": "500"}
    with fleet.start("crawl", "episodes", PODCRAWLER_ON_FINISHED=f"{program} hangs", **limits) as node:
        until(lambda: told(fleet))
        node.terminate()
        _, log = node.communicate(timeout=30)
    assert node.returncode == 130
    assert "This node stops before its hooks have told of all events." in log
    assert "Traceback" not in log


class Receiver(serving.Handler):
    requests: list[tuple[dict[str, str], bytes]]
    statuses: list[int]

    def do_POST(self) -> None:  # noqa: N802 (the name that http.server calls)
        self.requests.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(self.statuses.pop(0) if self.statuses else 204)

    @override
    def get(self) -> None:
        raise NotImplementedError


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[Receiver]]]:
    handler = type("Handler", (Receiver,), {"requests": [], "statuses": [500]})
    with serving.serving(handler) as port:
        yield f"http://127.0.0.1:{port}/hook", handler


def test_a_webhook_is_tried_again_and_signed(
    fleet: Commands, redis: Client, origin: RunningOrigin, receiver: tuple[str, type[Receiver]]
) -> None:
    address, handler = receiver
    seed(redis, f"{origin.address}/feed.xml?episodes=1&size=1000")
    secret = base64.b64encode(b"a secret").decode()
    ended = fleet.drain(PODCRAWLER_WEBHOOK=address, PODCRAWLER_WEBHOOK_SECRET=f"whsec_{secret}")
    assert ended.status == 0
    assert "secret" not in ended.err
    (first, body), (second, same) = handler.requests
    assert body == same
    assert json.loads(body)["event"] == "finished"
    assert first["webhook-id"] == second["webhook-id"]
    for headers in (first, second):
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.digest(b"a secret", signed, hashlib.sha256)
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_a_setting_that_is_no_command_is_refused(fleet: Commands) -> None:
    ended = fleet.drain(PODCRAWLER_ON_FINISHED="note 'without an end")
    assert ended.status == 2
    assert "PODCRAWLER_ON_FINISHED cannot be" in ended.err
    assert "Traceback" not in ended.err
