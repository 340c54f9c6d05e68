"""What all tests share: a real Valkey, and commands run as a user runs them, in processes of their own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from redis import Redis

from podcrawler.redis.embedded import EmbeddedServer
from podcrawler.store.sidecar import is_about
from tests import forking
from tests.changing_web import Web, changing_web
from tests.origin import RunningOrigin, running

#: Fixtures of tests that run processes of podcrawler, or that build or install it: seconds each, where others take
#: milliseconds.
_SLOW_FIXTURES = {"alone", "commands", "fleet", "image", "installed", "new_user", "scrapyd", "wheel"}

# No test depends on how fast the machine is.
hypothesis.settings.register_profile(
    "any machine", hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests as ``slow``, and put them first, so that no worker is left with a long file at the end."""
    for item in items:
        if _SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_xdist_auto_num_workers() -> int:
    """More workers than cores, because most tests of processes wait more than they work."""
    return (os.cpu_count() or 1) * 3 // 2


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Valkey that lives as long as the tests."""
    server = EmbeddedServer(tmp_path_factory.mktemp("valkey"))
    yield server.enter()
    server.leave()


#: A client that answers in bytes, which redis-py's types do not tell from one that answers in text.
Client = Any


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Client]:
    """A client of that Valkey, which is empty."""
    with Redis.from_url(valkey_url) as client:
        client.flushall()
        yield client


@pytest.fixture(scope="session")
def _origin() -> Iterator[RunningOrigin]:
    with running() as origin:
        yield origin


@pytest.fixture
def origin(_origin: RunningOrigin) -> RunningOrigin:
    """The misbehaving web server, which has forgotten what earlier tests asked."""
    _origin.reset()
    return _origin


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for ``localhost`` that nobody vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed.public_bytes(Encoding.PEM)
    )
    return path


@pytest.fixture(scope="session")
def sample() -> Iterator[str]:
    """The address of the sample that ships with the project, with a slash at its end."""
    with subprocess.Popen([sys.executable, "-m", "sample", "serve"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until the condition holds, for what processes do that no event tells of; fail if it never does."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        pause.wait(0.02)


def media_in(archive: Path) -> list[Path]:
    """The media files of an archive, and their parts, without what tells of them."""
    return [path for path in archive.glob("[!.]*/*") if not is_about(path.name.removesuffix(".part"))]


@dataclass
class Result:
    """What a command ended with."""

    status: int
    out: str
    err: str


@dataclass
class Commands:
    """Runs ``podcrawler`` commands in a folder, as a user would."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    #: The interpreter, and with it the version of podcrawler.
    python: str = sys.executable
    #: What is forked instead of starting an interpreter.
    template: forking.Template | None = None
    #: Whether `start` starts an interpreter all the same.
    fresh: bool = False

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def files(self) -> dict[str, int]:
        """The media files in the archive, by their path in it, with their sizes; parts of them too."""
        found = {}
        for path in media_in(self.archive):
            # A part may go while this looks.
            with suppress(FileNotFoundError):
                found[str(path.relative_to(self.archive))] = path.stat().st_size
        return found

    def run(self, *arguments: str, **environment: str) -> Result:
        """Run a command to its end."""
        with self._running(arguments, environment, self.template) as process:
            out, err = process.communicate(timeout=90)
        return Result(process.returncode, out, err)

    def drain(self, *options: str, **environment: str) -> Result:
        """Run a node of episodes until the queue is done."""
        return self.run("crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1", *options, **environment)

    def start(self, *arguments: str, **environment: str) -> AbstractContextManager[forking.Process]:
        """Start a command; it is killed when the block ends."""
        return self._running(arguments, environment, None if self.fresh else self.template)

    @contextmanager
    def _running(
        self, arguments: Sequence[str], environment: dict[str, str], template: forking.Template | None
    ) -> Iterator[forking.Process]:
        environment = {**_bare_environment(), **self.environment, **environment}
        if template is None:
            started = self._start_interpreter(arguments, environment)
        else:
            started = template.start(forking.Request(arguments, str(self.folder), environment))
        with started as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def _start_interpreter(self, arguments: Sequence[str], environment: Mapping[str, str]) -> forking.Process:
        return subprocess.Popen(
            [self.python, "-m", "podcrawler", *arguments],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.fixture(scope="session")
def template() -> Iterator[forking.Template]:
    """What commands are forks of."""
    with forking.running(_bare_environment()) as template:
        yield template


@pytest.fixture
def commands(tmp_path: Path, template: forking.Template, request: pytest.FixtureRequest) -> Commands:
    """Commands in an empty folder, with the embedded server."""
    return Commands(tmp_path, template=template, fresh=request.node.get_closest_marker("fresh") is not None)


@pytest.fixture
def fleet(commands: Commands, valkey_url: str, redis: Client) -> Commands:  # noqa: ARG001 (empties the server)
    """Commands in an empty folder, which share one Redis."""
    commands.environment["REDIS_URL"] = valkey_url
    return commands


@pytest.fixture(scope="session")
def _web() -> Iterator[Web]:
    with changing_web() as web:
        yield web


@pytest.fixture
def web(fleet: Commands, _web: Web) -> Web:
    """The web as the commands of ``fleet`` see it; without any page."""
    _web.pages, _web.agent = {}, ""
    _web.asked.clear()
    _web.statuses.clear()
    fleet.environment["http_proxy"] = _web.address
    return _web


def _bare_environment() -> dict[str, str]:
    """The environment without settings, which would change what is tested."""
    ours = ("PODCRAWLER_", "REDIS_", "FILES_STORE", "SCRAPY_")
    bare = {name: value for name, value in os.environ.items() if not name.upper().startswith(ours)}
    return {name: value for name, value in bare.items() if not name.lower().endswith("_proxy")}
