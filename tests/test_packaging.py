"""What ``pip install .`` installs, and that it works without this checkout."""

import os
import subprocess
import sys
from collections.abc import Sequence
from configparser import RawConfigParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.checkout import copy_checkout, files_of_checkout
from tests.conftest import Client
from tests.origin import RunningOrigin

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def run(command: Sequence[str | Path], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with no settings but those that are given."""
    bare = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LANG": "C.UTF-8"}
    return subprocess.run(command, cwd=folder, env={**bare, **environment}, capture_output=True, text=True, timeout=110)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, made of a copy of it."""
    checkout = copy_checkout(tmp_path_factory.mktemp("checkout"))
    folder = tmp_path_factory.mktemp("wheel")
    # Not isolated, which would download setuptools: the one here is pinned in requirements-dev.txt.
    built = run([*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, checkout], folder)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with that wheel installed, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    installed = run([*PIP, "install", "--no-deps", "--no-index", "--target", folder, wheel], folder)
    assert installed.returncode == 0, installed.stderr
    return folder


def test_the_wheel_has_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = {name for name in files_of_checkout() if name.startswith("podcrawler/")}
    assert {"podcrawler/py.typed", "podcrawler/queue/lua/lease.lua"} <= package
    (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    assert {name for name in names if not name.startswith(info)} == package
    assert f"{info}/licenses/LICENSE" in names


def test_the_wheel_has_the_command_and_the_settings(wheel: Path) -> None:
    points = RawConfigParser()
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
        points.read_string(archive.read(name).decode())
    assert dict(points["console_scripts"]) == {"podcrawler": "podcrawler.__main__:main"}
    assert dict(points["scrapy"]) == {"settings": "podcrawler.settings"}


def test_what_is_installed_runs_in_any_folder(installed: Path, tmp_path: Path) -> None:
    listed = run([sys.executable, "-m", "podcrawler", "list"], tmp_path, PYTHONPATH=str(installed))
    assert listed.stdout.split() == ["episodes", "podcasts"], listed.stderr
    script = run([installed / "bin" / "podcrawler", "list"], tmp_path, PYTHONPATH=str(installed))
    assert script.stdout == listed.stdout, script.stderr
    where = run(
        [sys.executable, "-c", "import podcrawler; print(podcrawler.__file__)"], tmp_path, PYTHONPATH=str(installed)
    )
    assert where.stdout.startswith(str(installed))


def test_what_is_installed_archives_a_podcast(
    installed: Path, tmp_path: Path, valkey_url: str, redis: Client, origin: RunningOrigin
) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=2&size=1000")
    command = [sys.executable, "-m", "podcrawler", "crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1"]
    ended = run(command, tmp_path, PYTHONPATH=str(installed), REDIS_URL=valkey_url)
    assert ended.returncode == 0, ended.stderr
    assert [path.stat().st_size for path in tmp_path.glob("archive/*/*.mp3")] == [1000, 1000]
