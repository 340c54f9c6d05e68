"""Records what a version of podcrawler leaves behind: ``python -m tests.upgrade.record CHECKOUT``.

CHECKOUT is a git checkout of that version with its own ``.venv`` (``make .venv/installed`` in it). Its nodes work on a
real Valkey and the origin and are interrupted, so that entries are in every state. What is left is written to
``tests/upgrade/recorded/<commit>.json``, which test_upgrade.py has the present version continue.
"""

import argparse
import base64
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import redis

from podcrawler.redis.embedded import EmbeddedServer
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin, content, running
from tests.upgrade.recording import FOLDER, HOST, Recording, dump_redis, dump_store

MB = 1_000_000
KEPT = "http://kept.example/feed.xml?title=Kept&episodes=3&size=1000"
LATE_PAGE = b"""<rss version="2.0"><channel><title>Paged</title><item><title>Episode 1</title><guid>episode-1</guid>
<enclosure url="http://late.example/bytes/1000.mp3?seed=1" type="audio/mpeg" length="1000"/></item></channel></rss>"""
DONE = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
#: Longer than recording takes, so that nothing is taken up again meanwhile.
PATIENT = ("-s", "PODCRAWLER_RETRY_DELAY=3600", "-s", "PODCRAWLER_LEASE_TIME=3600")


@dataclass
class Recorder:
    """One version's commands, and what they work on."""

    commands: Commands
    redis: Client
    origin: RunningOrigin

    def record(self) -> Recording:
        self._finish_and_import()
        self._fail_and_delay()
        self._kill_node_of_episodes()
        self._leave_pending()
        self._kill_node_of_podcasts()
        self.redis.lpush("podcasts:start_urls", KEPT)
        self.redis.lpush("episodes:start_urls", "http://seeded.example/feed.xml?title=Seeded&episodes=1&size=1000")
        self._run("pause")
        status = json.loads(self._run("status", "--json"))
        failed = [json.loads(line) for line in self._run("failed", "--json").splitlines()]
        state = dump_redis(self.redis)
        for node in status["nodes"]:
            node["host"] = HOST
            state[f"{{podcrawler}}:node:{node['name']}"]["value"]["host"] = json.dumps(HOST)
        return Recording(state, dump_store(self.commands.archive), status, failed)

    def _finish_and_import(self) -> None:
        """Three finished episodes, one of them imported."""
        self.redis.lpush("podcasts:start_urls", KEPT)
        self._run("crawl", "podcasts", *DONE)
        self._import("kept", "episode-2.Imported.mp3", 2)
        self._run("crawl", "episodes", *DONE)

    def _fail_and_delay(self) -> None:
        """A failed episode and a failed page; an episode and a page that are tried again later; a part of 1.6 MB."""
        page = {"fail_first": 1, "type": "application/rss+xml", "body": base64.b64encode(LATE_PAGE)}
        for address in (
            "http://gone.example/feed.xml?title=Gone&episodes=1&size=1000&status=404",
            f"http://cut.example/feed.xml?title=Cut&episodes=1&size={2 * MB}&truncate=1600000&only_first=1",
            "http://late.example/feed.xml?title=Late&episodes=1&size=1000&fail_first=1",
            "http://gone.example/page",
            f"http://late.example/bytes/0.xml?{urlencode(page)}",
        ):
            self.redis.lpush("podcasts:start_urls", address)
        with self._node("podcasts", *PATIENT), self._node("episodes", *PATIENT):
            until(lambda: self._counts("podcasts") == (1, 1) and self._counts("episodes") == (2, 1))

    def _kill_node_of_episodes(self) -> None:
        """Two leases of a node that is dead, with parts of which the most is on the disk for sure."""
        size = 20 * MB
        address = f"http://cut.example/feed.xml?title=Stalled&episodes=2&size={size}&stall_after={18 * MB}"
        self.redis.lpush("podcasts:start_urls", address)
        with self._node("podcasts", *PATIENT):
            until(lambda: self.redis.zcard("{podcrawler}:episodes:pending:cut.example") == 2)
        with self._node("episodes", "-s", "PODCRAWLER_NODE_NAME=killed", *PATIENT, kill=True):
            until(lambda: sum(checkpoint["synced"] > 0 for checkpoint in self._checkpoints()) == 2)
            until(
                lambda: (
                    sum(path.stat().st_size >= 17 * MB for path in self.commands.archive.glob("stalled-*/*.part")) == 2
                )
            )
            until(lambda: any(b"episode-1" in report for report in self._in_hand()))

    def _leave_pending(self) -> None:
        """Episodes that nobody took, two of them behind a login."""
        self.redis.lpush("podcasts:start_urls", "http://waiting.example/feed.xml?title=Waiting&episodes=3&size=1000")
        self.redis.lpush(
            "podcasts:start_urls", "http://user:secret@private.example/feed.xml?title=Private&episodes=2&size=1000"
        )
        hosts = {"waiting.example": 3, "private.example": 2}
        with self._node("podcasts", *PATIENT):
            pending = "{podcrawler}:episodes:pending:"
            until(lambda: all(self.redis.zcard(pending + host) == count for host, count in hosts.items()))

    def _kill_node_of_podcasts(self) -> None:
        """A lease on the second of three pages of a podcast, whose third lists an imported episode of the ancestor."""
        self.redis.lpush(
            "podcasts:start_urls", "http://long.example/feed.xml?title=Long&episodes=6&size=1000&pages=3&stall_page=2"
        )
        with self._node("podcasts", *PATIENT, kill=True):
            until(lambda: any("&page=2" in request.target for request in self.origin.requests()))
        # The ancestor's ids are the last five characters of ours.
        self._import("long", "ode-1.Episode 1.mp3", 1)

    def _import(self, podcast: str, file: str, seed: int) -> None:
        ids = [podcast_id.decode() for podcast_id in self.redis.hkeys("{podcrawler}:podcasts")]
        (podcast_id,) = [podcast_id for podcast_id in ids if podcast_id.startswith(f"{podcast}-")]
        folder = self.commands.folder / podcast
        folder.mkdir()
        (folder / file).write_bytes(b"".join(content(1000, seed)))
        self._run("import", podcast, "--podcast", podcast_id)

    @contextmanager
    def _node(self, spider: str, *options: str, kill: bool = False) -> Iterator[None]:
        with self.commands.start("crawl", spider, "-s", "PODCRAWLER_SHUTDOWN_GRACE=0", *options) as node:
            yield
            if kill:
                node.kill()
                self._keep_reports()
            else:
                node.terminate()
            node.wait(30)

    def _keep_reports(self) -> None:
        """Have the report of a dead node last until the recording is written."""
        for name in self.redis.zrange("{podcrawler}:nodes", 0, -1):
            self.redis.persist(b"{podcrawler}:node:" + name)
            self.redis.zadd("{podcrawler}:nodes", {name: time.time() + 600})

    def _run(self, *command: str) -> str:
        ended = self.commands.run(*command)
        assert ended.status in (0, 1), ended.err
        return ended.out

    def _counts(self, queue: str) -> tuple[int, int]:
        """Delayed and failed entries."""
        return self.redis.zcard(f"{{podcrawler}}:{queue}:delayed"), self.redis.hlen(f"{{podcrawler}}:{queue}:failed")

    def _checkpoints(self) -> list[dict[str, int]]:
        return [json.loads(path.read_text()) for path in self.commands.archive.glob("stalled-*/*.json.part")]

    def _in_hand(self) -> list[bytes]:
        return [self.redis.hget(key, "in_hand") or b"" for key in self.redis.scan_iter("{podcrawler}:node:*")]


def record(checkout: Path, folder: Path) -> Recording:
    """The recording of the version in ``checkout``, made in the empty folder ``folder``."""
    server = EmbeddedServer(folder / "valkey")
    url = server.enter()
    try:
        with running() as origin, redis.Redis.from_url(url) as client:
            environment = {"REDIS_URL": url, "http_proxy": origin.address, "PODCRAWLER_NODE_NAME": HOST}
            python = checkout / ".venv" / "bin" / "python"
            return Recorder(Commands(folder, environment, str(python)), client, origin).record()
    finally:
        server.leave()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", type=Path)
    checkout = parser.parse_args().checkout.absolute()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=checkout, check=True, capture_output=True, text=True
    )
    with tempfile.TemporaryDirectory() as folder:
        recording = record(checkout, Path(folder))
    path = FOLDER / f"{commit.stdout.strip()}.json"
    recording.write(path)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
