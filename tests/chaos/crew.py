"""What the tests of chaos share: nodes that die and are replaced, a watcher of the archive, the count at the end."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from tests.archives import assert_described
from tests.builders import file_sha256, finished_episodes, sha256
from tests.conftest import Client, Commands, media_in, until
from tests.forking import Process
from tests.origin import RunningOrigin


@dataclass(frozen=True)
class Feed:
    """A podcast of the origin."""

    name: str
    episodes: int
    #: Bytes of each episode.
    size: int
    pages: int = 1
    #: Bytes a second of each transfer, for it to last long enough to be hit.
    rate: int = 0

    def address(self, origin: RunningOrigin) -> str:
        more = {"rate": self.rate} if self.rate else {}
        fields = {"title": self.name, "episodes": self.episodes, "size": self.size, "pages": self.pages, **more}
        return f"{origin.address}/{self.name}/feed.xml?{urlencode(fields)}"


@dataclass
class Node:
    """A ``crawl`` process and its log."""

    spider: str
    process: Process
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""


@dataclass
class Crew:
    """Nodes on one Redis, in the order of their places; who dies is replaced."""

    commands: Commands
    options: Sequence[str]
    nodes: list[Node] = field(default_factory=list)
    #: Those that are gone too.
    ever: list[Node] = field(default_factory=list)
    _started: ExitStack = field(default_factory=ExitStack)

    def start(self, spider: str, *options: str, **environment: str) -> Node:
        node = self._start(spider, *options, **environment)
        self.nodes.append(node)
        return node

    def kill(self, place: int) -> None:
        """End the node in that place as the kernel does when memory is short, and start another there."""
        old = self.nodes[place]
        old.process.kill()
        old.process.wait()
        self.nodes[place] = self._start(old.spider)

    def dismiss(self) -> list[int]:
        """Have all nodes stop; their exit statuses."""
        for node in self.nodes:
            node.process.terminate()
        return [node.process.wait(60) for node in self.nodes]

    def log(self) -> str:
        """What all nodes ever logged."""
        return "".join(node.log for node in self.ever)

    def _start(self, spider: str, *options: str, **environment: str) -> Node:
        log = self.commands.folder / f"node-{len(self.ever)}.log"
        command = ("crawl", spider, *self.options, *options, "-s", f"LOG_FILE={log}")
        node = Node(spider, self._started.enter_context(self.commands.start(*command, **environment)), log)
        self.ever.append(node)
        return node


@contextmanager
def crew_of(commands: Commands, *options: str) -> Iterator[Crew]:
    """A crew whose nodes are gone when the block ends. ``options`` go to each of them."""
    with ExitStack() as started:
        yield Crew(commands, options, _started=started)


class Watcher:
    """Looks at the archive all the time: whatever has a media name must be whole from the moment that it has it."""

    def __init__(self, archive: Path, feeds: Sequence[Feed]) -> None:
        self._archive = archive
        self._sizes = {feed.name: feed.size for feed in feeds}
        self._inodes: dict[Path, int] = {}
        self._ended = threading.Event()
        #: What was wrong, in sentences.
        self.broken: list[str] = []

    @contextmanager
    def watching(self) -> Iterator["Watcher"]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            self._look(path for path in media_files(self._archive) if path not in self._inodes)
        self._look(media_files(self._archive))

    def _look(self, files: Iterable[Path]) -> None:
        for path in files:
            found = path.stat()
            if self._inodes.setdefault(path, found.st_ino) != found.st_ino:
                self.broken.append(f"{path} became another file")
            if found.st_size != self._sizes[feed_of(path)]:
                self.broken.append(f"{path} had {found.st_size} bytes")


def media_files(archive: Path) -> list[Path]:
    return [path for path in media_in(archive) if path.suffix != ".part"]


def feed_of(path: Path) -> str:
    """The name of the feed that the file's folder is named after."""
    return path.parent.name.rpartition("-")[0]


def done(redis: Client, feeds: Sequence[Feed]) -> bool:
    """Whether every episode of these feeds is recorded, and no entry of either queue is left."""
    open_entries = sum(redis.hlen(f"{{podcrawler}}:{queue}:entries") for queue in ("podcasts", "episodes"))
    return open_entries == 0 and finished_episodes(redis) == sum(feed.episodes for feed in feeds)


def until_moving(progress: Callable[[], object], condition: Callable[[], object], patience: float = 45) -> None:
    """Wait until the condition holds, for as long as the progress changes."""
    while not condition():
        before = progress()
        until(lambda before=before: condition() or progress() != before, patience)  # type: ignore[misc]


def check_archive(commands: Commands, redis: Client, feeds: Sequence[Feed]) -> None:
    """Every episode is there, whole, and recorded once; nothing is left over."""
    files = media_files(commands.archive)
    assert Counter(map(feed_of, files)) == {feed.name: feed.episodes for feed in feeds}
    sizes = {feed.name: feed.size for feed in feeds}
    for path in files:
        number = int(path.name.split(".")[0].removeprefix("episode-"))
        assert file_sha256(path) == sha256(sizes[feed_of(path)], number), path
    assert_described(commands.archive)
    assert redis.hlen("{podcrawler}:episodes:failed") == redis.hlen("{podcrawler}:podcasts:failed") == 0
    events = [event for _, event in redis.xrange("{podcrawler}:events")]
    recorded = Counter(
        event[b"key"] for event in events if event[b"state"] == b"finished" and b"/episode-" in event[b"key"]
    )
    assert len(recorded) == sum(feed.episodes for feed in feeds)
    assert set(recorded.values()) == {1}
    # They expire by themselves, soon after the last node that wanted a connection.
    until(lambda: not redis.exists("{podcrawler}:podcasts:wanting", "{podcrawler}:episodes:wanting"))
    for queue in ("podcasts", "episodes"):
        left = {key.decode() for key in redis.scan_iter(f"{{podcrawler}}:{queue}:*")}
        assert left <= {f"{{podcrawler}}:{queue}:order"}, left


def victims(seed: int, kills: int, places: Sequence[int]) -> list[int]:
    """Who is killed, in which order: the same each time, and everybody about as often."""
    chosen = [places[number % len(places)] for number in range(kills)]
    random.Random(seed).shuffle(chosen)
    return chosen
