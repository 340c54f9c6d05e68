"""Surroundings that are hostile: other users' folders, no home, locales, full output. Each ends in one sentence
with the right status, or changes nothing."""

import errno
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_usage import WRONG, shell
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

#: A user that no machine knows. It may read everything, because Python may be in somebody's home.
STRANGER = (
    "setpriv", "--reuid=4242", "--regid=4242", "--clear-groups",
    "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
    "env", "-u", "HOME", "-u", "USER", "-u", "LOGNAME",
)  # fmt: skip
DENIED = os.strerror(errno.EACCES)
NO_REDIS = (
    "There is no Redis to work with, neither an embedded one in {folder}/archive/.podcrawler nor one at localhost"
)
STATE = "The state folder {folder}/archive/.podcrawler cannot be used ({denied}: {folder}/archive/.podcrawler/"
LOG = "{folder}/archive/.podcrawler/logs/podcasts.log cannot be used ({denied}); see that this user may"

#: What is done before, by the owner; the words; the beginning of the sentence on standard error; the status.
STRANGE = [
    ("chmod 777 .", "status", NO_REDIS, 2),
    ("chmod 777 .", "version", "", 0),
    ("chmod 777 .", "list", "", 0),
    ("chmod 777 .", "completion bash", "", 0),
    ("chmod 777 .", "fetch", "fetch: it needs URL; `", 2),
    ("chmod 777 .", "crawl episodes", NO_REDIS, 2),
    ("chmod 777 .", "archive '~/list.opml'", '"~/list.opml" is not an address, and no file that is there', 2),
    ("chmod 777 .", "import '~/x'", "~/x is no folder that can be read; give the folder", 2),
    ("chmod 777 .", "site-check '~/x' http://x/", "~/x cannot be read: ", 2),
    ("chmod 755 .", "archive http://x/", "The store archive cannot be written to ({denied}); set FILES_STORE", 2),
    ("mkdir archive", "archive http://x/", "The store archive cannot be written to ({denied}); set FILES_STORE", 2),
    ("mkdir -p archive/.podcrawler && chmod 777 archive", "archive http://x/", STATE, 2),
    ("mkdir -p archive/.podcrawler/redis/appendonlydir", "status", STATE, 2),
    ("mkdir -p archive/.podcrawler/redis/appendonlydir", "retry --all", STATE, 2),
    ("mkdir -pm 777 archive archive/.podcrawler && mkdir archive/.podcrawler/logs", "archive http://x/", LOG, 2),
    ("mkdir -m 700 secret", "import secret", "", 2),
    ("touch log", "status --logfile log", "The log file log cannot be written ({denied}); name another.", 2),
    ("touch log", "crawl episodes --logfile log", "The file log cannot be written ({denied}); name another.", 2),
]  # fmt: skip


def test_there_are_enough() -> None:
    """With those of test_usage.py, and not counting those of test_redis_states.py."""
    assert len(WRONG) + len(STRANGE) >= 60


@pytest.fixture
def stranger() -> Iterator[tuple[str, ...]]:
    """What runs a program as that user."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root becomes another user, with the program setpriv of Debian's package util-linux")
    # What is made is for its owner, as usual, whatever the umask of who runs the tests.
    before = os.umask(0o022)
    yield STRANGER
    os.umask(before)


@pytest.mark.parametrize(("before", "words", "expected", "status"), STRANGE, ids=[f"{b}; {w}" for b, w, *_ in STRANGE])
def test_a_user_without_a_home_and_other_peoples_folders(
    tmp_path: Path, stranger: tuple[str, ...], before: str, words: str, expected: str, status: int
) -> None:
    commands = Commands(tmp_path)
    # Its parents are for their owner only.
    for parent in tmp_path.parents[:-2]:
        parent.chmod(0o755)
    tmp_path.chmod(0o755)
    subprocess.run(before, shell=True, cwd=tmp_path, check=True)
    ended = shell(commands, f"exec {shlex.join(stranger)} podcrawler {words}")
    assert "Traceback" not in ended.err
    assert "Exception ignored" not in ended.err
    assert ended.status == status, ended.err
    if status == 0:
        assert ended.err == ""
    else:
        told = ended.err.splitlines()[-1].removeprefix("podcrawler: ") if ended.err else ""
        assert told.startswith(expected.format(folder=tmp_path, denied=DENIED)), ended.err


@pytest.mark.parametrize("words", ["status", "failed", "archive http://x/", "crawl episodes", "fetch http://x/"])
def test_a_working_folder_that_is_gone(tmp_path: Path, words: str) -> None:
    ended = shell(Commands(tmp_path), f'mkdir gone && cd gone && rmdir "$PWD" && podcrawler {words}')
    told = f"podcrawler: The working folder cannot be used ({os.strerror(errno.ENOENT)}); change to another one.\n"
    assert (ended.status, ended.err) == (2, told)


@pytest.mark.parametrize(
    "below", ["archive", "archive/.podcrawler", "archive/.podcrawler/redis", "archive/.podcrawler/logs"]
)
def test_a_file_in_the_place_of_a_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / below).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / below).touch()
    ended = shell(Commands(tmp_path), "podcrawler archive http://x/")
    assert ended.status == 2
    assert ended.err.count("\n") == 1
    assert ended.err.startswith(("podcrawler: The store", "podcrawler: The state folder", f"podcrawler: {tmp_path}"))


# Locales

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(params=["ascii", "zh_TW.BIG5", "de_DE.ISO-8859-1"])
def locale(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of a locale in which names of files are not in UTF-8."""
    if request.param == "ascii":
        return ASCII
    language, _, charmap = request.param.partition(".")
    made = tmp_path / "locales" / request.param
    made.parent.mkdir()
    with_definitions = ["localedef", "-i", language, "-f", charmap, str(made)]
    if shutil.which("localedef") is None or subprocess.run(with_definitions, capture_output=True).returncode:
        pytest.skip("a locale cannot be made here: that takes Debian's package locales")
    return {"LC_ALL": request.param, "LOCPATH": str(made.parent), "PYTHONUTF8": "0"}


def test_names_are_in_utf8_on_disk_whatever_the_locale(
    fleet: Commands, origin: RunningOrigin, locale: dict[str, str]
) -> None:
    address = f"{origin.address}/feed.xml?episodes=1&size=10&episode=%E9%9B%A8%C3%A9%F0%9F%8C%A7&title=%E9%9B%A8%C3%A9"
    for _ in range(2):
        ended = shell(fleet, f"podcrawler archive '{address}'", **locale)
        assert ended.status == 0, ended.err
    assert list(fleet.files()) == [f"{next(fleet.archive.glob('[!.]*/')).name}/episode-1.雨é🌧 1.mp3"]
    for words, status in (("failed", 0), ("status --json", 0), ("import archive", 0), ("status 雨é🌧", 2)):
        ended = shell(fleet, f"podcrawler {words}", **locale)
        assert (ended.status, ended.err.count("\n")) == (status, status // 2), ended.err


# Output


def test_full_standard_error_does_not_end_an_archive(fleet: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?episodes=2&size=1000"
    ended = shell(fleet, f"podcrawler archive '{address}' 2> /dev/full")
    assert ended.status == 0
    assert "2 finished" in ended.out
    assert len(fleet.files()) == 2


@pytest.mark.parametrize(("line", "status"), [("> /dev/full", 1), (">&-", 0), ("2>&1 | true", 141), ("| true", 141)])
def test_an_archive_that_nobody_listens_to_leaves_nothing_behind(
    fleet: Commands, redis: Client, origin: RunningOrigin, line: str, status: int
) -> None:
    address = f"{origin.address}/feed.xml?episodes=2&size=1000"
    ended = shell(fleet, f"podcrawler archive '{address}' {line}; exit ${{PIPESTATUS[0]}}")
    assert ended.status == status
    assert "Traceback" not in ended.err + ended.out
    until(lambda: not redis.exists("{podcrawler}:nodes"))


@pytest.mark.parametrize("words", ["crawl episodes", "crawl episodes -s PODCRAWLER_MAX_TRIES=x", "crawl podcasts"])
def test_python_has_nothing_to_add_to_a_refusal(tmp_path: Path, words: str) -> None:
    """Of an installed package, which has no scrapy.cfg beside it."""
    ended = shell(Commands(tmp_path, {"PYTHONDEVMODE": "1"}), f"podcrawler {words}")
    assert ended.status == 2
    assert "Exception ignored" not in ended.err
    assert "Traceback" not in ended.err
    assert "unclosed event loop" not in ended.err
