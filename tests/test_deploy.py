"""The Dockerfile and what belongs to it. No Docker runs here: its steps are carried out in a folder, as far as a folder
can, and what came of them is started as the image would start it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.project import get_project_settings

from podcrawler import settings
from podcrawler.queue.keys import Keys
from podcrawler.queue.overview import REPORT_SECONDS
from tests.checkout import ROOT, files_of_checkout
from tests.conftest import Client, until
from tests.origin import RunningOrigin

#: Of an episode. Less than a megabyte would stay in memory until the end.
SIZE = 4_000_000
HEALTHCHECK = ROOT / "deploy" / "healthcheck.py"


@dataclass(frozen=True)
class Step:
    """One instruction of the Dockerfile."""

    name: str
    rest: str
    #: Of which FROM it is part.
    stage: int

    @property
    def words(self) -> list[str]:
        """An instruction in exec form, which is JSON. A HEALTHCHECK without its options."""
        words: list[str] = json.loads(re.sub(r"^--.*CMD ", "", self.rest))
        return words


def read_dockerfile() -> list[Step]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    pairs = [re.split(r"\s+", line.strip(), maxsplit=1) for line in lines if line.strip()]
    stages = [name for name, _ in pairs]
    return [Step(name, rest, stages[: n + 1].count("FROM") - 1) for n, (name, rest) in enumerate(pairs)]


STEPS = read_dockerfile()


def the(name: str) -> Step:
    """The only instruction of that name in the last stage."""
    (step,) = [step for step in STEPS if step.name == name and step.stage == STEPS[-1].stage]
    return step


def environment_of_image() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in the("ENV").rest.split())


def copies_from_context() -> Iterator[tuple[list[str], str]]:
    """What the Dockerfile copies out of the repository, and where to."""
    for step in STEPS:
        if step.name in ("COPY", "ADD") and "--from=" not in step.rest:
            *sources, target = step.rest.split()
            yield sources, target


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a file through: the last pattern that names it, or a folder above it, decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            folders = [path, *map(str, Path(path).parents)][:-1]
            anywhere = pattern.startswith("**/") and any(fnmatch(Path(f).name, pattern[3:]) for f in folders)
            if anywhere or any(fnmatch(folder, pattern) for folder in folders):
                sent = line.startswith("!")
    return sent


def test_the_builder_gets_what_it_copies_and_nothing_else() -> None:
    sources = [source for sources, _ in copies_from_context() for source in sources]
    kept = files_of_checkout()
    copied = {name for name in kept for source in sources if name == source or name.startswith(f"{source}/")}
    assert [source for source in sources if not any(name.startswith(source) for name in copied)] == []
    assert {name for name in kept if is_sent(name)} == copied
    assert not is_sent("deploy/.env")
    assert not is_sent("podcrawler/queue/__pycache__/keys.cpython-313.pyc")


def test_a_container_is_a_node_that_gets_the_signals() -> None:
    assert [*the("ENTRYPOINT").words, *the("CMD").words] == ["podcrawler", "crawl", "episodes"]
    assert the("STOPSIGNAL").rest == "SIGTERM"


def test_an_edit_of_the_code_leaves_the_layer_of_the_requirements_alone() -> None:
    """What its stage copies, and stages before it, is the list of requirements alone; and what comes after it in the
    image is small."""
    (large,) = [n for n, step in enumerate(STEPS) if step.rest == "--from=dependencies /opt/podcrawler /opt/podcrawler"]
    (stage,) = {step.stage for step in STEPS if step.name == "FROM" and step.rest.endswith(" AS dependencies")}
    assert [step.rest for step in STEPS if step.stage == stage and step.name == "COPY"] == [
        "requirements-s3.txt /build/"
    ]
    assert [step.name for step in STEPS[:large] if step.stage == STEPS[large].stage] == ["FROM", "RUN"]


def test_all_that_is_required_is_pinned_with_what_buckets_need() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        return {line for line in lines if "==" in line and line[0].isalnum()}

    assert pins("requirements.txt") < pins("requirements-s3.txt")
    assert {line.partition("==")[0] for line in pins("requirements-s3.txt") - pins("requirements.txt")} == {
        "boto3", "botocore", "s3transfer",
    }  # fmt: skip


def test_the_user_of_the_image_is_not_root() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", the("USER").rest)
    (making,) = [step.rest for step in STEPS if step.name == "RUN" and step.stage == the("USER").stage]
    assert f"useradd --uid {the('USER').rest.split(':')[0]} " in making
    # Any other user may write to them, too.
    for volume in the("VOLUME").words:
        assert re.search(rf"--owner=podcrawler .*--mode=1777 .*{volume}\b", making)


def test_the_settings_of_the_image_exist() -> None:
    names = environment_of_image().keys() - {"PATH", "PYTHONPYCACHEPREFIX"}
    assert names == {"FILES_STORE", "PODCRAWLER_STATE_DIR", "PODCRAWLER_SHUTDOWN_GRACE"}
    assert all(hasattr(settings, name) for name in names)
    volumes = set(the("VOLUME").words)
    assert environment_of_image()["FILES_STORE"] in volumes
    # Not the volume itself: the folder belongs to whoever made it.
    assert str(Path(environment_of_image()["PODCRAWLER_STATE_DIR"]).parent) in volumes
    # `docker stop` kills after 10 seconds.
    assert float(environment_of_image()["PODCRAWLER_SHUTDOWN_GRACE"]) <= 8


def test_all_stages_have_one_python_that_we_support() -> None:
    stages = [step.rest.split() for step in STEPS if step.name == "FROM"]
    bases = {base for base, *_ in stages} - {words[2] for words in stages if len(words) == 3}
    assert len(bases) == 1
    version = re.fullmatch(r"python:3\.(\d+)-slim", bases.pop())
    assert version
    assert int(version[1]) >= 11


# What the steps make


@dataclass
class Image:
    """A folder that stands for the root of the image."""

    root: Path

    def inside(self, text: str) -> str:
        """The text, with the image's own folders where they are here."""
        return re.sub(r"(?<![\w./])/(?=(opt|build|archive|state)\b)", f"{self.root}/", text)

    def environment(self, **more: str) -> dict[str, str]:
        """Of a process of the image. The packages that it depends on are those of these tests, and not podcrawler:
        Python does not follow the link to this checkout from a folder in PYTHONPATH."""
        image = {name: self.inside(value) for name, value in environment_of_image().items()}
        path = os.pathsep.join((str(Path(sys.executable).parent), os.defpath))
        image["PATH"] = image.get("PATH", "$PATH").replace("$PATH", path)
        image["PYTHONPYCACHEPREFIX"] = str(self.root / "pycache")
        return {"HOME": str(self.root / "state"), "PYTHONPATH": sysconfig.get_path("purelib"), **image, **more}

    def run(self, command: str | list[str], **more: str) -> subprocess.CompletedProcess[str]:
        shell = isinstance(command, str)
        return subprocess.run(
            command, shell=shell, cwd=self.root, env=self.environment(**more), capture_output=True, text=True
        )

    @contextmanager
    def start(self, **more: str) -> Iterator["subprocess.Popen[str]"]:
        """What ``docker run`` starts; killed when the block ends."""
        command = [*the("ENTRYPOINT").words, *the("CMD").words]
        environment = self.environment(**more)
        program = shutil.which(command[0], path=environment["PATH"])
        assert program
        folder = self.inside(the("WORKDIR").rest)
        process = subprocess.Popen(
            [program, *command[1:]], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def health(self, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run([self.inside(word) for word in the("HEALTHCHECK").words], **more)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The steps of the Dockerfile, in a folder. The last stage's RUN, which needs root, only makes folders."""
    image = Image(tmp_path_factory.mktemp("image"))
    for volume in the("VOLUME").words:
        Path(image.inside(volume)).mkdir()
    for step in STEPS:
        if step.name == "COPY" and "--from=" not in step.rest:
            *sources, target = step.rest.split()
            _copy(sources, Path(image.inside(target)), into=target.endswith("/"))
        elif step.name == "COPY":
            _, kept, target = step.rest.split()
            assert kept == target
            assert list(Path(image.inside(kept)).iterdir())
        elif step.name == "RUN" and step.stage < STEPS[-1].stage:
            # Downloads nothing: what is to be installed is there, and what builds podcrawler too.
            command = image.inside(step.rest).replace("--no-deps", "--no-deps --no-build-isolation")
            ran = image.run(command, PIP_NO_INDEX="1")
            assert ran.returncode == 0, ran.stdout + ran.stderr
    # Only /opt is taken over into the last stage.
    shutil.rmtree(image.inside("/build"))
    return image


def _copy(sources: list[str], target: Path, *, into: bool) -> None:
    """As COPY does: a folder's contents, or files; only what .dockerignore lets through."""
    for source in sources:
        for name in files_of_checkout():
            if is_sent(name) and name == source:
                place = target / Path(name).name if into else target
            elif is_sent(name) and name.startswith(f"{source}/"):
                place = target / Path(name).relative_to(source)
            else:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, place)


def test_the_image_runs_its_own_podcrawler(image: Image) -> None:
    where = image.run(["python", "-c", "import podcrawler.settings as s; print(s.__file__, s.FILES_STORE)"])
    path, store = where.stdout.split()
    assert path.startswith(image.inside("/opt/podcrawler/code/"))
    assert store == image.inside("/archive")


def test_the_image_has_no_pip_and_nothing_compiled(image: Image) -> None:
    installed = [path.name for path in Path(image.inside("/opt/podcrawler")).glob("lib/python3*/site-packages/*")]
    assert installed == ["podcrawler.pth"], "besides requirements, which are there already"
    assert list(Path(image.inside("/opt")).rglob("*.pyc")) == []
    assert the("ENV").rest.count("PYTHONPYCACHEPREFIX=/tmp/") == 1, "where any user may write"


def parts_in(archive: Path) -> list[Path]:
    """The transfers in flight, without what is noted about them."""
    return [path for path in archive.glob("*/*.part") if not path.name.endswith(".json.part")]


def test_a_container_that_is_stopped_leaves_nothing_half_published(
    image: Image, valkey_url: str, redis: Client, origin: RunningOrigin
) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=3&size={SIZE}&stall_after={SIZE // 2}")
    archive = Path(image.inside("/archive"))
    with image.start(REDIS_URL=valkey_url, PODCRAWLER_SHUTDOWN_GRACE="1") as node:
        until(lambda: [path.stat().st_size > 0 for path in parts_in(archive)] == [True] * 3)
        health = image.health(REDIS_URL=valkey_url)
        assert (health.returncode, health.stdout) == (0, "a node reports\n"), health.stderr
        node.send_signal(signal.Signals[the("STOPSIGNAL").rest])
        _, log = node.communicate(timeout=20)
    assert node.returncode == 130
    assert "Traceback" not in log
    assert {path.suffix for path in archive.glob("[!.]*/*")} <= {".part", ".json"}
    assert redis.zcard("{podcrawler}:episodes:leases") == 0
    assert redis.hlen("{podcrawler}:episodes:entries") == 3

    origin.release()
    with image.start(REDIS_URL=valkey_url, PODCRAWLER_EXIT_WHEN_DONE="1") as node:
        assert node.wait(60) == 0
    assert [path.stat().st_size for path in archive.glob("*/*.mp3")] == [SIZE] * 3


# The health check alone


def health(**environment: str) -> tuple[int, str]:
    bare = {"PATH": os.environ.get("PATH", os.defpath)}
    checked = subprocess.run(
        [sys.executable, HEALTHCHECK], env={**bare, **environment}, capture_output=True, text=True, timeout=60
    )
    return checked.returncode, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("name", "age", "status"),
    [
        ("here-1", 0, 0),
        ("here-17", REPORT_SECONDS - 5, 0),
        ("here-1", REPORT_SECONDS + 1, 1),
        ("elsewhere-1", 0, 1),
        ("here-too-1", 0, 1),
    ],
)
def test_a_node_is_healthy_while_its_report_is_fresh(
    redis: Client, valkey_url: str, name: str, age: int, status: int
) -> None:
    redis.zadd(Keys("other").nodes, {name: time.time() - age})
    settings = {"PODCRAWLER_NAMESPACE": "other", "PODCRAWLER_NODE_NAME": "here"}
    assert health(REDIS_URL=valkey_url, **settings)[0] == status


@pytest.mark.parametrize("url", ["", "redis://:hush@127.0.0.1:1/0", "nonsense://:hush@x", "redis://:hush@[x"])
def test_a_node_without_its_redis_is_not_healthy(url: str) -> None:
    status, output = health(REDIS_URL=url)
    assert status == 1
    assert output.count("\n") == 1
    assert "hush" not in output


# compose.yaml


@pytest.fixture
def compose() -> dict[str, Any]:
    file: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    return file


def test_compose_has_a_redis_and_both_kinds_of_nodes(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services.keys() == {"redis", "episodes", "podcasts"}
    assert services["episodes"]["deploy"]["replicas"] >= 2
    spiders = SpiderLoader.from_settings(get_project_settings()).list()
    for name in ("episodes", "podcasts"):
        assert services[name]["command"] == ["crawl", name]
        assert name in spiders
        assert (ROOT / "deploy" / services[name]["build"]["context"] / "Dockerfile").is_file()
        assert services[name]["volumes"] == ["archive:/archive"]
        assert services[name]["depends_on"].keys() <= services.keys()
    used = [volume.split(":")[0] for service in services.values() for volume in service["volumes"]]
    assert set(used) == compose["volumes"].keys()


def test_the_redis_of_compose_keeps_everything_and_is_not_open(compose: dict[str, Any]) -> None:
    redis = compose["services"]["redis"]
    command = " ".join(redis["command"])
    assert "--appendonly yes --maxmemory-policy noeviction --maxmemory " in command
    assert " --requirepass ${REDIS_PASSWORD:?" in command
    assert redis["volumes"] == ["redis:/data"]
    assert not [name for name, service in compose["services"].items() if "ports" in service]


def test_compose_sets_what_podcrawler_knows(compose: dict[str, Any]) -> None:
    for name in ("episodes", "podcasts"):
        environment = compose["services"][name]["environment"]
        assert [key for key in environment if not hasattr(settings, key)] == []
        assert re.fullmatch(r"redis://default:\$\{REDIS_PASSWORD:\?[^}]+\}@redis:6379/0", environment["REDIS_URL"])


def bytes_of(limit: str) -> int:
    """Of a limit as compose.yaml and Valkey write it: 10m, 512mb, 3g."""
    number, unit = re.fullmatch(r"(\d+)([kmg])b?", limit).groups()  # type: ignore[union-attr]
    factor: int = 1024 ** " kmg".index(unit)
    return int(number) * factor


def test_compose_limits_logs_and_memory(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        options = service["logging"]["options"]
        assert service["logging"]["driver"] == "json-file"
        assert bytes_of(options["max-size"]) * int(options["max-file"]) <= 100 * 1024**2
    # Reading one document may take so much (docs/architecture.md), and the node needs something, too.
    for name in ("episodes", "podcasts"):
        assert bytes_of(services[name]["mem_limit"]) >= 32 * settings.DOWNLOAD_MAXSIZE + 256 * 1024**2
    command = services["redis"]["command"]
    limit = bytes_of(command[command.index("--maxmemory") + 1])
    assert bytes_of(services["redis"]["mem_limit"]) >= 2 * limit, "a fork that rewrites the file may copy all of it"


@pytest.mark.skipif(not shutil.which("redis-cli"), reason="there is no redis-cli, which is valkey-cli's twin")
def test_the_health_check_of_compose_sees_errors(compose: dict[str, Any], redis: Client, valkey_url: str) -> None:
    _, _, *arguments = compose["services"]["redis"]["healthcheck"]["test"]
    command = ["redis-cli", "-s", valkey_url.removeprefix("unix://"), *arguments]
    redis.execute_command("ACL", "SETUSER", "stranger", "reset", "on", ">hush", "-@all")
    try:
        refused = subprocess.run(
            [*command[:3], "--user", "stranger", "--pass", "hush", *arguments], capture_output=True
        )
    finally:
        redis.execute_command("ACL", "DELUSER", "stranger")
    assert refused.returncode != 0
    assert subprocess.run(command, capture_output=True).returncode == 0


# How long a node may take to stop

#: Seconds that a node may take beyond its time of grace; those of a supervisor for its nodes (fleet/supervisor.py).
AFTER_GRACE = 10
UNIT = ROOT / "deploy" / "podcrawler@.service"


def unit() -> dict[str, str]:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_nobody_kills_a_node_in_its_time_of_grace(compose: dict[str, Any]) -> None:
    assert float(unit()["TimeoutStopSec"]) > settings.PODCRAWLER_SHUTDOWN_GRACE + AFTER_GRACE
    for name in ("episodes", "podcasts"):
        service = compose["services"][name]
        grace = float(service["environment"]["PODCRAWLER_SHUTDOWN_GRACE"])
        assert float(service["stop_grace_period"].removesuffix("s")) > grace + AFTER_GRACE


def test_the_unit_runs_a_node_of_what_the_docs_install() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    values = unit()
    program, *arguments = values["ExecStart"].split()
    assert arguments == ["crawl", "%i"]
    assert f"python3 -m venv {program.removesuffix('/bin/podcrawler')}\n" in guide
    assert f"/dev/null {values['EnvironmentFile']}\n" in guide
    assert f"--home-dir {values['WorkingDirectory']} {values['User']}\n" in guide
    assert f"--owner={values['User']} {values['ReadWritePaths']}\n" in guide


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8").replace("/opt/podcrawler/bin/podcrawler", sys.executable)
    instance = tmp_path / "podcrawler@episodes.service"
    instance.write_text(text, encoding="utf-8")
    verified = subprocess.run(["systemd-analyze", "verify", instance], capture_output=True, text=True)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
