"""What people type wrongly, and surroundings that are: each ends with the right status and one sentence."""

import errno
import os
import shlex
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import Client, Commands, Result, until
from tests.origin import RunningOrigin

#: The words, and the sentence on standard error after the program's name. Each ends with status 2.
WRONG = [
    # Commands
    ("staus", "There is no command staus; did you mean status?"),
    ("frobnicate", "There is no command frobnicate; `{called} --help` lists them."),
    ("help staus", "There is no command staus; did you mean status?"),
    ("genspider x", "genspider is a command of Scrapy that podcrawler has no use for; `{called}` lists those it has."),
    ("bench", "bench is a command of Scrapy that podcrawler has no use for; `{called}` lists those it has."),
    # Options
    ("--json status", "--json is no option of podcrawler itself; options "
     "follow the command: `{called} COMMAND --json`."),
    ("status --jsn", "status has no option --jsn; did you mean --json?"),
    ("status --follow", "status has no option --follow; `{called} status --help` says more."),
    ("status --js", "status has no option --js; did you mean --json?"),
    ("status --json=yes", "status: argument --json: ignored explicit argument 'yes'; "
     "`{called} status --help` says more."),
    ("import . --dryrun", "import has no option --dryrun; did you mean --dry-run?"),
    ("archive --logfile log http://x/", "archive has no option --logfile; `{called} archive --help` says more."),
    ("crawl episodes --logfil=x", "crawl has no option --logfil; did you mean --logfile?"),
    ("fetch --header http://x/", "fetch has no option --header; did you mean --headers?"),
    ("status ---", "status has no option ---; `{called} status --help` says more."),
    # Arguments
    ("status -- --json", "status takes no such argument: --json; `{called} status --help` says more."),
    ("archive -- -x", '"-x" is not the address of a podcast: it must begin with http:// or https://, or with a host '
     "name such as example.com."),
    ("import -- -x --dry-run", "import takes no such argument: --dry-run; `{called} import --help` says more."),
    ("retry --all -- -a/1", "retry needs ids as `failed` lists them, or --class, or --all."),
    ("crawl -- episdes", "There is no spider episdes; did you mean episodes?"),
    ("status all", "status takes no such argument: all; `{called} status --help` says more."),
    ("archive", "archive needs the address of a podcast, such as https://example.com/feed.xml, or subscriptions: see "
     "podcrawler subscribe --help."),
    ("archive - -", "standard input has no addresses; write one on each line."),
    ("archive list.xml", '"list.xml" is not an address, and no file that is there; check the name.'),
    ("archive http://x/ --to ''", "archive: argument --to: it needs the name of a folder; "
     "`{called} archive --help` says more."),
    ("archive http://x/ --to a -s FILES_STORE=b", "--to and -s FILES_STORE mean the same; give one of them."),
    ("archive http://x/ --to ftp://x/", "The store ftp://x/ is of a kind that podcrawler does not know; set "
     "FILES_STORE to a folder or s3://BUCKET."),
    ("archive http://x/ --jobs 0", "archive: argument --jobs: 0 is no number from 1 to 10000; "
     "`{called} archive --help` says more."),
    ("archive http://x/ --jobs many", "archive: argument --jobs: many is no number from 1 to 10000; "
     "`{called} archive --help` says more."),
    ("archive http://x/ --jobs", "archive: argument --jobs: expected one argument; "
     "`{called} archive --help` says more."),
    ("archive http://x/ --limit-rate fast", "archive: argument --limit-rate: fast cannot be a rate: it is no number of "
     "bytes such as 500000, \"500k\" or \"2M\"; `{called} archive --help` says more."),
    ("archive http://x/ --limit-rate 0", "archive: argument --limit-rate: 0 is no rate; leave the option out for no "
     "limit; `{called} archive --help` says more."),
    ("archive http://x/ --max-wait soon", "archive: argument --max-wait: soon is no time such as 90, 10m or 2h; "
     "`{called} archive --help` says more."),
    ("archive http://x/ --quiet --verbose", "archive: argument --verbose: not allowed with argument --quiet; "
     "`{called} archive --help` says more."),
    ("verify --depp", "verify has no option --depp; did you mean --deep?"),
    ("verify -s FILES_STORE=x", "There is no archive in x that can be read (No such file or directory); set "
     "FILES_STORE to its folder."),
    ("bag", "bag needs the id of a podcast, which its folder is named after."),
    ("bag a b", "bag takes no such argument: b; `{called} bag --help` says more."),
    ("merge one", "merge needs two podcasts, each by id or address: the one that goes, and the one to keep."),
    ("merge a b c", "merge takes no such argument: c; `{called} merge --help` says more."),
    ("import", "import needs the folder that the media files are in."),
    ("retry", "retry needs ids as `failed` lists them, or --class, or --all."),
    ("retry --all a/1", "retry needs ids as `failed` lists them, or --class, or --all."),
    ("podcasts show", "podcasts takes no such argument: show; `{called} podcasts --help` says more."),
    ("episodes", "episodes needs the id of a podcast, as `podcasts` lists it."),
    ("episodes show", "There is no podcast show; `{called} podcasts` lists those there are."),
    ("subscribe", "subscribe needs the address of a podcast, or a list of subscriptions (OPML)."),
    ("subscribe --keep 10", "subscribe needs the address of a podcast, or a list of subscriptions (OPML)."),
    ("subscribe list.opml", '"list.opml" is not an address, and no file that is there; check the name.'),
    ("subscribe ftp://x.example/feed", '"ftp://x.example/feed" is not the address of a podcast: it must begin with '
     "http:// or https:// (feed:, pcast:, itpc: and podcast: are understood, too)."),
    ("subscribe show-1", "There is no podcast show-1; `{called} podcasts` lists those there are."),
    ("subscribe x.example --keep 10w", 'subscribe: argument --keep: "10w" is neither a number of episodes, such as 10, '
     "nor of days, such as 30d, nor all; `{called} subscribe --help` says more."),
    ("subscribe x.example --group", "subscribe: argument --group: expected one argument; "
     "`{called} subscribe --help` says more."),
    ("subscribe -", "standard input has no addresses; write one on each line."),
    ("unsubscribe", "unsubscribe needs ids or addresses of podcasts, as `subscriptions` lists them."),
    ("unsubscribe ftp://x/", '"ftp://x/" is not the address of a podcast: it must begin with http:// or https:// '
     "(feed:, pcast:, itpc: and podcast: are understood, too)."),
    ("unsubscribe --all", "unsubscribe has no option --all; `{called} unsubscribe --help` says more."),
    ("refresh", "refresh needs ids or addresses of podcasts, as `subscriptions` lists them, or --all."),
    ("refresh --all show-1", "refresh needs ids or addresses of podcasts, as `subscriptions` lists them, or --all."),
    ("subscriptions --json --opml", "subscriptions: argument --opml: not allowed with argument --json; "
     "`{called} subscriptions --help` says more."),
    ("subscriptions --with-secrets", "subscriptions --with-secrets goes with --opml."),
    ("subscriptions show-1", "subscriptions takes no such argument: show-1; "
     "`{called} subscriptions --help` says more."),
    ("failed --since soon", "failed: argument --since: soon is no moment; write how long ago, such as 30min, 2h or 7d, "
     "or a date such as 2026-11-01; `{called} failed --help` says more."),
    ("failed --limit 0", "failed: argument --limit: 0 is no number of entries; `{called} failed --help` says more."),
    ("failed --class unlucky", "failed: argument --class: invalid choice: 'unlucky' (choose from…"),
    ("failed --forget", "failed: argument --forget: expected at least one argument; "
     "`{called} failed --help` says more."),
    ("retry --forget", "retry needs ids as `failed` lists them, or --class, or --all."),
    ("list all", "list takes no such argument: all; `{called} list --help` says more."),
    ("crawl", "crawl needs the name of one spider: episodes or podcasts."),
    ("crawl episdes", "There is no spider episdes; did you mean episodes?"),
    ("crawl all", "There is no spider all; take episodes or podcasts."),
    ("site-check", "site-check needs a file that describes a site, and the address of a page of that site."),
    ("fetch", "fetch: it needs URL; `{called} fetch --help` says more."),
    ("completion fish", "completion: argument shell: invalid choice: 'fish' (choose from…"),
    # Values
    ("status -L LOUD", "status: argument -L/--loglevel: there is no log level LOUD, take DEBUG, INFO, WARNING, ERROR, "
     "CRITICAL; `{called} status --help` says more."),
    ("crawl episodes -L LOUD", "argument -L/--loglevel: there is no log level LOUD, take DEBUG, INFO, WARNING, ERROR, "
     "CRITICAL."),
    ("status -L", "status: argument -L/--loglevel: expected one argument; `{called} status --help` says more."),
    ("status -s PODCRAWLER_NAMESPACE", "-s PODCRAWLER_NAMESPACE has no value; write -s NAME=VALUE."),
    ("crawl episodes -s X", "-s X has no value; write -s NAME=VALUE."),
    ("status -s 'PODCRAWLER_NAMESPACE=a b'", "PODCRAWLER_NAMESPACE cannot be 'a b': write up to 60 letters, digits, "
     "'_', '.' or '-'; see docs/settings.md."),
    ("status -s LOG_LEVEL=LOUD", "LOG_LEVEL cannot be 'LOUD': take DEBUG, INFO, WARNING, ERROR, CRITICAL."),
    ("crawl episodes -s LOG_LEVEL=LOUD", "LOG_LEVEL cannot be 'LOUD': take DEBUG, INFO, WARNING, ERROR, CRITICAL."),
    ("archive http://x/ -s PODCRAWLER_VERSIONS=all", "PODCRAWLER_VERSIONS cannot be 'all': Input should be 'keep' or "
     "'ignore'; see docs/settings.md."),
    ("crawl podcasts -s PODCRAWLER_CHANGES=ftp://x", "PODCRAWLER_CHANGES cannot be 'ftp://x': Value error, it is no "
     'address such as "https://example.com/news"; see docs/settings.md.'),
    ("crawl episodes -s PODCRAWLER_CHECK_MIN=0", "PODCRAWLER_CHECK_MIN cannot be '0': Input should be greater than or "
     "equal to 1; see docs/settings.md."),
    ("archive http://x/ -s PODCRAWLER_WEBHOOK=x", "PODCRAWLER_WEBHOOK cannot be 'x': Value error, it is no address "
     'such as "https://example.com/news"; see docs/settings.md.'),
    ("archive http://x/ -s PODCRAWLER_BESIDE=cover,all", "PODCRAWLER_BESIDE cannot be 'all': Input should be 'cover', "
     "'transcripts' or 'chapters'; see docs/settings.md."),
    ("archive http://x/ -s PODCRAWLER_BESIDE=cover -s PODCRAWLER_SIDECARS=0", "PODCRAWLER_BESIDE needs sidecars, which "
     "tell of the files beside an episode: set PODCRAWLER_SIDECARS to True, or PODCRAWLER_BESIDE to nothing."),
    ("archive http://x/ -s PODCRAWLER_VISITS_SIZE=-1", "PODCRAWLER_VISITS_SIZE cannot be '-1': Input should be greater "
     "than or equal to 0; see docs/settings.md."),
    ("crawl episodes -s DOWNLOAD_MAXSIZE=x", "DOWNLOAD_MAXSIZE cannot be 'x': it is no number."),
    ("archive http://x/ -s DOWNLOAD_TIMEOUT=x", "DOWNLOAD_TIMEOUT cannot be 'x': it is no number."),
    ("crawl episodes -s ROBOTSTXT_OBEY=perhaps", "ROBOTSTXT_OBEY cannot be 'perhaps': write True or False."),
    ("crawl episodes -s 'USER_AGENT=a\tb'", "USER_AGENT cannot be 'a\\tb': it is sent in one line; remove control "
     "characters."),
    ("crawl episodes -s 'REDIS_START_URLS_KEY=%(x)s'", "REDIS_START_URLS_KEY cannot be '%(x)s': write a name, in which "
     "%(name)s stands for that of the spider."),
    ("crawl episodes -s REDIS_ENCODING=x", "REDIS_ENCODING cannot be 'x': it is no encoding such as utf-8."),
    # Names of settings
    ("status -s PODCRAWLER_MAX_TRYS=3", "There is no setting PODCRAWLER_MAX_TRYS; did you mean PODCRAWLER_MAX_TRIES?"),
    ("archive http://x/ -s PODCRAWLER_MAX_TRYS=3", "There is no setting PODCRAWLER_MAX_TRYS; did you mean "
     "PODCRAWLER_MAX_TRIES?"),
    ("crawl episodes -s PODCRAWLER_MAX_TRYS=3", "There is no setting PODCRAWLER_MAX_TRYS; did you mean "
     "PODCRAWLER_MAX_TRIES?"),
    ("status -s PODCRAWLER_QWERTZ=3", "There is no setting PODCRAWLER_QWERTZ; docs/settings.md lists them."),
    ("status -s podcrawler_max_tries=3", "There is no setting podcrawler_max_tries; "
     "did you mean PODCRAWLER_MAX_TRIES?"),
    ("status -s FILE_STORE=x", "There is no setting FILE_STORE; did you mean FILES_STORE?"),
    ("parse http://x/ -s USER_AGNET=x", "There is no setting USER_AGNET; did you mean USER_AGENT?"),
    # Files
    ("status --logfile no/log", "The log file no/log cannot be written (No such file or directory); name another."),
    ("crawl episodes --logfile no/log", "The file no/log cannot be written (No such file or directory); name another."),
    ("import no", "no is no folder that can be read; give the folder that the media files are in."),
    ("site-check no.toml http://x/", "no.toml cannot be read: No such file or directory; name a file that describes a "
     "site."),
    ("runspider no.py", "runspider: File not found: no.py; `{called} runspider --help` says more."),
]  # fmt: skip


def sentence(ended: Result) -> str:
    """The last line of standard error, without the name of the program; what Scrapy logs may stand before it."""
    assert "Traceback" not in ended.err
    return ended.err.splitlines()[-1].removeprefix("podcrawler: ")


@pytest.mark.parametrize(("words", "expected"), WRONG, ids=[words for words, _ in WRONG])
def test_wrong_usage_is_refused_with_one_sentence(fleet: Commands, words: str, expected: str) -> None:
    ended = fleet.run(*shlex.split(words))
    told, expected = sentence(ended), expected.format(called="python -m podcrawler")
    # The rest of it differs between versions of Python.
    assert told.startswith(expected[:-1]) if expected.endswith("…") else told == expected
    assert ended.status == 2
    assert ended.out == ""
    if "scrapy.utils.log" not in ended.err:
        assert ended.err.count("\n") == 1


@pytest.mark.parametrize("command", ["status", "archive", "crawl"])
def test_a_misspelt_setting_of_the_environment_is_refused(fleet: Commands, command: str) -> None:
    words = {"status": [], "archive": ["http://x/"], "crawl": ["episodes"]}[command]
    ended = fleet.run(command, *words, PODCRAWLER_MAX_TRYS="3")
    assert ended.status == 2
    assert (
        sentence(ended)
        == "There is no setting PODCRAWLER_MAX_TRYS, which the environment has; did you mean PODCRAWLER_MAX_TRIES?"
    )


def test_what_kubernetes_sets_for_a_service_of_this_name_is_no_setting(fleet: Commands) -> None:
    names = ("SERVICE_HOST", "SERVICE_PORT", "PORT", "PORT_6379_TCP", "PORT_6379_TCP_ADDR", "SERVICE_PORT_HTTP")
    assert fleet.run("status", **{f"PODCRAWLER_{name}": "tcp://10.0.0.1:6379" for name in names}).status == 0


def test_a_misspelt_setting_of_a_project_is_refused(fleet: Commands) -> None:
    (fleet.folder / "mine.py").write_text("PODCRAWLER_MAX_TRYS = 3")
    ended = fleet.run("status", SCRAPY_SETTINGS_MODULE="mine", PYTHONPATH=str(fleet.folder))
    assert ended.status == 2
    assert sentence(ended) == "There is no setting PODCRAWLER_MAX_TRYS (mine); did you mean PODCRAWLER_MAX_TRIES?"


def test_a_settings_module_that_is_not_there_is_named(fleet: Commands) -> None:
    ended = fleet.run("status", SCRAPY_SETTINGS_MODULE="nowhere")
    assert ended.status == 2
    assert sentence(ended).startswith("SCRAPY_SETTINGS_MODULE names nowhere, which podcrawler cannot import (")


@pytest.mark.parametrize(("name", "text"), [("mine", "FILES_STORE ="), (".mine", "")], ids=["broken", "relative"])
def test_a_settings_module_that_is_none_is_named(fleet: Commands, name: str, text: str) -> None:
    (fleet.folder / "mine.py").write_text(text)
    ended = fleet.run("status", SCRAPY_SETTINGS_MODULE=name, PYTHONPATH=str(fleet.folder))
    assert ended.status == 2
    assert sentence(ended).startswith(f"SCRAPY_SETTINGS_MODULE names {name}, which podcrawler cannot import (")


def test_a_project_may_name_its_store_by_a_path(commands: Commands) -> None:
    (commands.folder / "mine.py").write_text("from pathlib import Path\nFILES_STORE = Path('files')")
    ended = commands.run("status", SCRAPY_SETTINGS_MODULE="mine", PYTHONPATH=str(commands.folder))
    assert ended.status == 2
    assert sentence(ended).startswith(
        f"There is no Redis to work with, neither an embedded one in {commands.folder}/files"
    )


@pytest.mark.parametrize("command", ["status", "list"])
def test_a_setting_of_ones_own_is_no_misspelt_one(fleet: Commands, command: str) -> None:
    assert fleet.run(command, "-s", "MY_USER_AGENT=x", "-s", "DOWNLOAD_TIMEOUT=9").status == 0


# Standard output and standard error


@pytest.fixture
def full(fleet: Commands, redis: Client, origin: RunningOrigin) -> Commands:
    """A fleet of which more has failed than a pipe holds."""
    title = "T" * 400
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=400&size=10&status=404&episode={title}")
    assert fleet.drain().status == 1
    return fleet


def shell(fleet: Commands, line: str, **environment: str) -> Result:
    """What a shell's line does in which ``podcrawler`` is this one."""
    program = f"{shlex.quote(sys.executable)} -m podcrawler"
    ended = subprocess.run(
        ["bash", "-c", line.replace("podcrawler", program, 1)],
        cwd=fleet.folder,
        env={**os.environ, **fleet.environment, **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Result(ended.returncode, ended.stdout.decode(errors="replace"), ended.stderr.decode(errors="replace"))


@pytest.mark.parametrize("words", ["failed", "failed --json"])
def test_a_reader_that_has_enough_ends_the_command(full: Commands, words: str) -> None:
    ended = shell(full, f"podcrawler {words} | head -n1; exit ${{PIPESTATUS[0]}}")
    assert (ended.status, ended.err) == (141, "")
    assert ended.out.count("\n") == 1


@pytest.mark.parametrize("words", ["status", "--help", "status --help", "version", "list", "--version"])
def test_a_pipe_that_nobody_reads_ends_the_command(fleet: Commands, words: str) -> None:
    """Even if all of the output fits into a buffer."""
    ended = shell(fleet, f"(sleep 0.5; podcrawler {words}; echo $? >&2) | true")
    assert ended.err == "141\n"


@pytest.mark.parametrize("words", ["status", "failed", "--help", "status --help", "version", "list", "--version"])
def test_full_standard_output_is_told(fleet: Commands, words: str) -> None:
    ended = shell(fleet, f"podcrawler {words} > /dev/full")
    told = f"podcrawler: Standard output cannot be written ({os.strerror(errno.ENOSPC)}); see where it goes.\n"
    assert (ended.status, ended.err) == (1, told)


def test_full_standard_error_changes_nothing(fleet: Commands) -> None:
    assert shell(fleet, "podcrawler status --jsn 2> /dev/full").status == 2


def test_closed_standard_output_is_no_traceback(fleet: Commands) -> None:
    for line in ("podcrawler status >&-", "podcrawler status --jsn 2>&-", "podcrawler --help >&-"):
        assert "Traceback" not in shell(fleet, line).err


def test_a_closed_stream_leaves_no_process_behind(fleet: Commands) -> None:
    mark = f"MY_FOLDER={fleet.folder}"
    ended = shell(fleet, f"podcrawler crawl episodes -s {mark} -s REDIS_URL=redis://127.0.0.1:1 2>&-")
    assert ended.status == 2
    until(lambda: not any(mark in (one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])))


@pytest.mark.parametrize(
    "environment", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "big5"}],
    ids=str,
)  # fmt: skip
def test_names_are_printed_whatever_the_locale(
    fleet: Commands, redis: Client, origin: RunningOrigin, environment: dict[str, str]
) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size=10&status=404&title=%E9%9B%A8%C3%A9")
    assert fleet.drain().status == 1
    for words in ("failed", "status", "--help"):
        ended = shell(fleet, f"podcrawler {words}", **environment)
        assert (ended.status, ended.err) == (0, "")
    ended = shell(fleet, "podcrawler status 雨é", **environment)
    assert ended.status == 2
    assert ended.err.startswith("podcrawler: status takes no such argument: ")


def test_a_file_of_another_kind_is_told(fleet: Commands, tmp_path: Path) -> None:
    feed = tmp_path / "list.opml"
    feed.write_text("no list")
    ended = fleet.run("archive", str(feed))
    assert ended.status == 2
    assert 'list.opml, line 1: "no list" is not an address: it needs a host name, and no spaces.' in sentence(ended)
