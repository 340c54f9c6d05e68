"""The command line of podcrawler itself: its help, its versions, and the same words for ``scrapy``."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from podcrawler import __version__
from podcrawler.cli.table import COMMANDS
from tests.checkout import ROOT
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin

BIN = Path(sys.executable).parent
#: Modules that take long to import, and that a command which looks at an archive has no use for.
SLOW = {"aiohttp", "itemadapter", "lxml", "rich.console", "scrapy", "scrapy_redis", "twisted", "yarl"}


def scrapy(fleet: Commands, *words: str) -> "subprocess.CompletedProcess[str]":
    """What ``scrapy`` does in this checkout."""
    return subprocess.run(
        [BIN / "scrapy", *words],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "FILES_STORE": str(fleet.archive), **fleet.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def interpreter(fleet: Commands, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    """What a program does that is no fork."""
    return subprocess.run(command, env=fleet.environment, cwd=fleet.folder, capture_output=True, text=True, check=True)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]], ids=str)
def test_the_help_lists_the_commands_by_group(fleet: Commands, words: list[str]) -> None:
    ended = fleet.run(*words)
    assert (ended.status, ended.err) == (0, "")
    groups = re.findall(r"^(\S.*):$", ended.out, re.MULTILINE)
    assert groups == ["Archive", "Subscriptions", "Operate", "Look", "Scrapy's", "About podcrawler"]
    assert re.findall(r"^  ([a-z-]+) ", ended.out, re.MULTILINE) == list(COMMANDS)
    assert ended.out.isascii()


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(fleet: Commands, command: str) -> None:
    ended = fleet.run(command, "--help")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(f"usage: python -m podcrawler {command} [options]")
    assert COMMANDS[command].summary in " ".join(ended.out.split())
    assert fleet.run("help", command).out == ended.out


def test_the_version(fleet: Commands) -> None:
    assert fleet.run("--version").out == f"podcrawler {__version__}\n"


def test_the_versions_of_all_parts(fleet: Commands, redis: Client) -> None:
    told = dict(line.split(maxsplit=1) for line in fleet.run("version").out.splitlines() if " " in line)
    assert told["podcrawler"] == __version__
    assert told["Python"] == sys.version.split()[0]
    assert told["Scrapy"] == version("scrapy")
    assert f"client  {version('redis')}" in fleet.run("version").out
    assert fleet.run("version").out.endswith(f"Redis server  Valkey {redis.info()['valkey_version']}\n")


def test_the_versions_without_a_server(fleet: Commands) -> None:
    ended = fleet.run("version", "-s", "REDIS_URL=redis://127.0.0.1:1")
    assert ended.status == 0
    assert "Redis server  none: Redis at 127.0.0.1:1 cannot be reached" in ended.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_shell_completes_commands_and_options(fleet: Commands, shell: str) -> None:
    ended = fleet.run("completion", shell)
    assert (ended.status, ended.err) == (0, "")
    for word in (*COMMANDS, "json", "dry-run", "overwrite-output"):
        assert word in ended.out, word


def test_bash_completes(fleet: Commands) -> None:
    (fleet.folder / "completion").write_text(fleet.run("completion", "bash").out)
    asks = """
        . ./completion
        COMP_WORDS=(podcrawler {words}) COMP_CWORD={position}
        $(complete -p podcrawler | sed -E 's/.*-F ([^ ]+).*/\\1/') podcrawler
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    for words, position, expected in (("sta", 1, ["status"]), ("status --js", 2, ["--json"])):
        asked = asks.format(words=words, position=position)
        ended = subprocess.run(["bash", "-c", asked], cwd=fleet.folder, capture_output=True, text=True, check=True)
        assert ended.stdout.split() == expected


def test_the_program_is_named_as_it_was_called(fleet: Commands) -> None:
    assert fleet.run("pause").status == 0
    assert "until `python -m podcrawler resume`" in fleet.run("status").out
    assert "until `scrapy resume`" in scrapy(fleet, "status").stdout
    assert scrapy(fleet, "staus").returncode == 2
    assert scrapy(fleet, "status", "--jsn").stderr == "scrapy: status has no option --jsn; did you mean --json?\n"
    script = subprocess.run(
        [BIN / "podcrawler", "status"],
        cwd=fleet.folder,
        env=fleet.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "until `podcrawler resume`" in script.stdout


def test_scrapy_takes_the_same_words(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=3&size=10&status=404")
    assert fleet.drain().status == 1
    for words in (["status"], ["status", "--json"], ["failed"], ["failed", "--json"], ["failed", "--help"]):
        ours, theirs = fleet.run(*words), scrapy(fleet, *words)
        assert theirs.returncode == ours.status == 0
        assert theirs.stdout == ours.out.replace("python -m podcrawler", "scrapy")
    # As Scrapy always has it: options between arguments.
    first, second, _ = (line.split('"')[3] for line in fleet.run("failed", "--json").out.splitlines())
    queued = scrapy(fleet, "retry", first, "-s", "PODCRAWLER_MAX_TRIES=2", second)
    assert (queued.returncode, queued.stdout) == (0, "2 queued again.\n")
    assert scrapy(fleet, "retry", "--class", "unlucky").returncode == 2
    assert scrapy(fleet, "crawl", "episodes", "--jsn").stderr.splitlines()[-1].startswith("scrapy: crawl has no option")


@pytest.mark.usefixtures("redis")
def test_what_follows_two_dashes_is_no_option(fleet: Commands) -> None:
    for words in (["--", "-a/1"], ["b/1", "--", "-a/1", "--all"]):
        assert fleet.run("retry", *words).out == scrapy(fleet, "retry", *words).stdout == "0 queued again.\n"
    assert fleet.run("list", "--").out == "episodes\npodcasts\n"


@pytest.mark.fresh
@pytest.mark.parametrize(
    "words", [["status"], ["failed"], ["podcasts"], ["subscriptions"], ["--help"], ["--version"], ["version"]], ids=str
)
def test_what_only_looks_imports_no_scrapy(fleet: Commands, words: list[str]) -> None:
    program = f"""
import sys
from podcrawler.cli.line import main
sys.argv = ["podcrawler", *{words!r}]
try:
    main()
finally:
    print(sorted({SLOW!r} & sys.modules.keys()), file=sys.stderr)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=fleet.environment,
        cwd=fleet.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == "[]\n"


def test_a_log_file_has_what_is_logged(fleet: Commands, redis: Client) -> None:
    redis.hset("{podcrawler}:node:odd", "pid", "?")
    redis.zadd("{podcrawler}:nodes", {"odd": redis.time()[0]})
    warning = "Redis has a value that cannot be read and is left out: the report of the node odd"
    assert warning in fleet.run("status").err
    assert fleet.run("status", "--logfile", "log").err == ""
    assert warning in (fleet.folder / "log").read_text()
    assert fleet.run("status", "-L", "error").err == ""
    assert fleet.run("status", "-s", "LOG_LEVEL=ERROR").err == ""
    assert fleet.run("status", "-s", "LOG_FILE=other").err == ""
    assert warning in (fleet.folder / "other").read_text()
