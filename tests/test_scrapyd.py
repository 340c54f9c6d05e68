"""A real scrapyd, with the configuration that we ship: deploy this checkout to it, and run nodes there."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files as files_of
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.checkout import ROOT, copy_checkout
from tests.conftest import Client, media_in, until
from tests.origin import RunningOrigin

MB = 1_000_000
#: Of an episode. Less than a megabyte would stay in memory until the end.
SIZE = 4 * MB
SCRIPTS = Path(sys.executable).parent
LOGIN = {"SCRAPYD_USERNAME": "admin", "SCRAPYD_PASSWORD": "a password of this test"}
TARGET = """
[deploy:here]
url = {address}/
project = podcrawler
username = $SCRAPYD_USERNAME
password = $SCRAPYD_PASSWORD
"""


@dataclass
class Scrapyd:
    """A scrapyd that runs, with podcrawler deployed to it."""

    address: str
    folder: Path
    #: What ``scrapyd-deploy`` printed: the answer of scrapyd.
    deployed: str

    def ask(self, name: str, **parameters: object) -> dict[str, Any]:
        """GET without parameters, POST with some, as scrapyd has it; fails unless the answer is "ok"."""
        with _session() as session:
            session.auth = (LOGIN["SCRAPYD_USERNAME"], LOGIN["SCRAPYD_PASSWORD"])
            method = "POST" if parameters else "GET"
            response = session.request(method, f"{self.address}/{name}", data=parameters, timeout=30)
        answer: dict[str, Any] = response.json()
        assert answer["status"] == "ok", answer
        return answer

    def schedule(self, spider: str, **settings: object) -> str:
        """Start a node; the id of its job."""
        setting = [f"{name}={value}" for name, value in settings.items()]
        return str(self.ask("schedule.json", project="podcrawler", spider=spider, setting=setting)["jobid"])

    def cancel(self, *jobs: str) -> None:
        """Cancel nodes, and wait for their end."""
        for job in jobs:
            assert self.ask("cancel.json", project="podcrawler", job=job)["prevstate"] == "running"
        until(lambda: self.jobs("finished").issuperset(jobs))

    def jobs(self, state: str) -> set[str]:
        return {job["id"] for job in self.ask("listjobs.json")[state]}

    def log(self, spider: str, job: str) -> str:
        return (self.folder / "logs" / "podcrawler" / spider / f"{job}.log").read_text(encoding="utf-8")


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def _environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of the user's, whose login and settings would change what is tested."""
    path = os.pathsep.join((str(SCRIPTS), os.environ.get("PATH", os.defpath)))
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", **more}


def _free_port() -> int:
    """scrapyd takes port 0 for no port at all."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _prepare(folder: Path) -> Path:
    """A folder for scrapyd with our configuration, which is only told to look for work more often."""
    (folder / "scrapyd.conf").write_bytes((ROOT / "deploy" / "scrapyd.conf").read_bytes())
    (folder / ".scrapyd.conf").write_text("[scrapyd]\npoll_interval = 0.2\n")
    return folder


@contextmanager
def _running(folder: Path) -> Iterator[str]:
    """A scrapyd in this folder, until the end of the block; its address."""
    port = _free_port()
    environment = _environment(folder, SCRAPYD_HTTP_PORT=str(port), **LOGIN)
    with (folder / "scrapyd.log").open("wb") as log:
        process = subprocess.Popen(
            [SCRIPTS / "scrapyd"], cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        until(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, (folder / "scrapyd.log").read_text(encoding="utf-8")
        yield f"http://127.0.0.1:{port}"
    finally:
        # Its nodes too.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def scrapyd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scrapyd]:
    folder = _prepare(tmp_path_factory.mktemp("scrapyd"))
    checkout = copy_checkout(tmp_path_factory.mktemp("deployed"))
    # What the nodes call themselves tells that they run from the egg, not from this checkout.
    settings = checkout / "podcrawler" / "settings.py"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("USER_AGENT = ", 'USER_AGENT = "egg of " + '), encoding="utf-8")
    with _running(folder) as address:
        (folder / ".scrapy.cfg").write_text(TARGET.format(address=address))
        deploy = subprocess.run(
            [SCRIPTS / "scrapyd-deploy", "here", "--version", "1"],
            cwd=checkout,
            env=_environment(folder, **LOGIN),
            capture_output=True,
            text=True,
        )
        assert deploy.returncode == 0, deploy.stdout + deploy.stderr
        yield Scrapyd(address, folder, deploy.stdout)


@pytest.fixture
def settings(valkey_url: str, tmp_path: Path) -> dict[str, object]:
    """What a job of the test is given."""
    return {"REDIS_URL": valkey_url, "FILES_STORE": tmp_path / "archive"}


def files(settings: dict[str, object]) -> dict[str, int]:
    """The media files in the store by name, with their sizes; parts too, but not what is noted about them."""
    paths = media_in(Path(str(settings["FILES_STORE"])))
    return {path.name: path.stat().st_size for path in paths if not path.name.endswith(".json.part")}


def test_our_configuration_is_one_that_scrapyd_knows() -> None:
    ours, theirs = RawConfigParser(), RawConfigParser()
    ours.read(ROOT / "deploy" / "scrapyd.conf")
    theirs.read_string((files_of("scrapyd") / "default_scrapyd.conf").read_text())
    assert ours.sections() == ["scrapyd"]
    assert ours["scrapyd"].keys() - theirs["scrapyd"].keys() == set()
    assert ours["scrapyd"]["bind_address"] == "127.0.0.1"
    # Or the logs of nodes that run would be removed.
    assert ours.getint("scrapyd", "jobs_to_keep") > ours.getint("scrapyd", "max_proc")


@pytest.mark.parametrize("given", [{}, {"SCRAPYD_USERNAME": "admin"}, {"SCRAPYD_PASSWORD": "secret"}], ids=str)
def test_scrapyd_does_not_start_without_a_login(tmp_path: Path, given: dict[str, str]) -> None:
    """scrapyd itself lets everybody in if the username or the password is empty."""
    environment = _environment(tmp_path, SCRAPYD_HTTP_PORT=str(_free_port()), **given)
    started = subprocess.run(
        [SCRIPTS / "scrapyd"], cwd=_prepare(tmp_path), env=environment, capture_output=True, text=True, timeout=60
    )
    assert started.returncode != 0
    missing = "choose_a_password" if "SCRAPYD_USERNAME" in given else "choose_a_username"
    assert missing in started.stdout + started.stderr


def test_scrapyd_wants_the_login(scrapyd: Scrapyd) -> None:
    with _session() as session:
        assert session.get(f"{scrapyd.address}/daemonstatus.json", timeout=30).status_code == 401


def test_scrapyd_finds_both_spiders_in_the_egg(scrapyd: Scrapyd) -> None:
    assert '"spiders": 2' in scrapyd.deployed
    assert [path.name for path in (scrapyd.folder / "eggs" / "podcrawler").iterdir()] == ["1.egg"]


def test_nodes_of_scrapyd_archive_a_podcast(
    scrapyd: Scrapyd, settings: dict[str, object], redis: Client, origin: RunningOrigin
) -> None:
    workers = [scrapyd.schedule("episodes", **settings) for _ in range(2)]
    finder = scrapyd.schedule("podcasts", **settings)
    until(lambda: redis.zcard("{podcrawler}:nodes") == 3)
    redis.lpush("podcasts:start_urls", f"{origin.address}/feed.xml?episodes=40&size={MB}&rate={2 * MB}")
    podcast = "{podcrawler}:finished:a-podcast-of-the-origin-*"
    until(lambda: sum(redis.hlen(key) for key in redis.scan_iter(podcast)) == 40)
    scrapyd.cancel(*workers, finder)

    assert sorted(files(settings)) == sorted(f"episode-{n}.Episode {n}.mp3" for n in range(1, 41))
    assert set(files(settings).values()) == {MB}
    logs = {job: scrapyd.log("episodes", job) for job in workers} | {finder: scrapyd.log("podcasts", finder)}
    assert "40 episodes, 40 of them new" in logs[finder]
    assert all(" INFO: finished " in logs[job] for job in workers)
    assert not [log for log in logs.values() if "Traceback" in log or "] ERROR: " in log]
    assert {request.headers["user-agent"].split("/")[0] for request in origin.requests()} == {"egg of podcrawler"}


def test_a_cancelled_node_loses_nothing(
    scrapyd: Scrapyd, settings: dict[str, object], redis: Client, origin: RunningOrigin
) -> None:
    # A lease that is not handed back would keep its episode from the other node for longer than this test waits.
    settings["PODCRAWLER_LEASE_TIME"] = 3600
    # The transfers stall for longer than any grace.
    settings["PODCRAWLER_SHUTDOWN_GRACE"] = 1
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=3&size={SIZE}&stall_after={SIZE // 2}")
    stalled = scrapyd.schedule("episodes", **settings)
    until(lambda: len(files(settings)) == 3 and all(files(settings).values()))
    assert redis.zcard("{podcrawler}:episodes:leases") == 3

    scrapyd.cancel(stalled)
    assert not [name for name in files(settings) if not name.endswith(".part")]
    assert redis.zcard("{podcrawler}:episodes:leases") == 0
    assert redis.hlen("{podcrawler}:episodes:entries") == 3
    assert redis.hlen("{podcrawler}:episodes:tries") == 0
    assert "Traceback" not in scrapyd.log("episodes", stalled)
    assert "exitstatus=130" in (scrapyd.folder / "scrapyd.log").read_text(encoding="utf-8")

    origin.release()
    other = scrapyd.schedule("episodes", **settings, PODCRAWLER_EXIT_WHEN_DONE=1)
    until(lambda: other in scrapyd.jobs("finished"))
    assert sorted(files(settings)) == [f"episode-{n}.Episode {n}.mp3" for n in (1, 2, 3)]
    assert set(files(settings).values()) == {SIZE}


def test_a_process_writes_small_files_from_the_egg(
    scrapyd: Scrapyd, settings: dict[str, object], redis: Client, origin: RunningOrigin
) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=20&size=1000")
    node = scrapyd.schedule("episodes", **settings, PODCRAWLER_EXIT_WHEN_DONE=1)
    until(lambda: node in scrapyd.jobs("finished"))
    assert list(files(settings).values()) == [1000] * 20
    assert "Threads write the small files" not in scrapyd.log("episodes", node)
