"""What a whole job leaves shows no password: output, logs, exports, and what is in Redis but the record of logins."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import stored
from tests.changing_web import AUDIO, Web, changing_web, feed
from tests.conftest import Client, Commands
from tests.stand_in import Page

#: In every login; and as it is in a header.
SECRET = "s3cr"
FEED = "http://show.example/feed.xml"
FILE = "http://show.example/one.mp3"
QUICK = ("-s", "PODCRAWLER_RETRY_DELAY=0.01", "-L", "DEBUG")
#: Addresses whose logins have special characters that are not encoded.
BROKEN = [
    f"https://ann:{SECRET}#et@show.example/feed.xml",
    f"https://ann:{SECRET}/et@show.example/feed.xml",
    f"http://ann:12/{SECRET}@show.example/feed.xml",
    f"http://ann:{SECRET}?et@show.example/feed.xml",
    f"http://ann:{SECRET} et@show.example/feed.xml",
    f"http://ann@mail.example:{SECRET}/@et@show.example/feed.xml",
    f"http://ann:{SECRET}[@show.example:port/feed.xml",
    f'{{"url": "https://ann:{SECRET}#et@show.example/feed.xml", "meta": {{}}}}',
    f'{{"url": "https://ann:{SECRET}#et@show.example/feed.xml"',
]


def with_login(address: str, login: str = f"ann:{SECRET}%40et") -> str:
    return address.replace("://", f"://{login}@", 1)


@pytest.fixture
def web(fleet: Commands) -> Iterator[Web]:
    with changing_web() as web:
        fleet.environment["http_proxy"] = web.address
        web.pages = private_web()
        yield web


def private_web() -> dict[str, Page]:
    """A feed whose entries name addresses with logins, those of files and others, good and bad, and a page of it."""
    good, bad = (f"http://other.example/{name}.mp3" for name in ("good", "bad"))
    more = (
        f"<link>{with_login('http://show.example/')}</link><itunes:image href='{with_login('http://show.example/i')}'/>"
        f"<atom:link rel='next' href='{with_login(f'{FEED}?page=2')}'/>"
        f"<itunes:new-feed-url>{with_login('http://show.example/new.xml')}</itunes:new-feed-url>"
    )
    items = (
        f"<item><title>Transcribed</title><guid>transcribed</guid><description>see {with_login(FILE)}</description>"
        f"<podcast:transcript url='{with_login('http://show.example/t')}' type='text/plain'/>"
        f"<enclosure url='{FILE}' type='audio/mpeg' length='0'/></item>"
        f"<item><title>Odd</title><guid>odd</guid>"
        f"<enclosure url='{with_login('htp://show.example/1.mp3')}' type='audio/mpeg' length='0'/></item>"
    )
    page = feed("Show", with_login(good), with_login(bad), more=more + items)
    listed = f"<opml><body><outline type='rss' text='a' xmlUrl='{with_login('http://listed.example/feed')}'/>"
    listed += f"<outline type='rss' text='b' xmlUrl='http://ann:{SECRET}/et@listed.example/feed'/></body></opml>"
    return {
        FEED: page,
        f"{FEED}?page=2": feed("Show", f"{FILE}?2"),
        "http://show.example/new.xml": feed("Show", FILE),
        "http://gone.example/feed": Page("no", status=401),
        "http://moved.example/feed": Page("", status=302, headers={"Location": with_login("http://there.example/")}),
        "http://there.example/": feed("There", "http://there.example/x.mp3"),
        "http://lists.example/my.opml": Page(listed, "text/xml"),
        "http://listed.example/feed": feed("Listed", "http://listed.example/y.mp3"),
        good: AUDIO,
        bad: Page("no", status=403),
        **dict.fromkeys((FILE, f"{FILE}?2", "http://there.example/x.mp3", "http://listed.example/y.mp3"), AUDIO),
    }


GIVEN = [
    with_login(address)
    for address in (FEED, "http://gone.example/feed", "http://moved.example/feed", "http://lists.example/my.opml")
]


def left_in(redis: Client) -> dict[str, str]:
    """What is in Redis, by key, but the record of logins, and the work that is to be tried again with one."""
    found: dict[str, Any] = {key.decode(): stored(redis, key) for key in redis.scan_iter()}
    found.pop("{podcrawler}:logins", None)
    for queue in ("episodes", "podcasts"):
        for name, request in found.get(f"{{podcrawler}}:{queue}:entries", {}).items():
            # Of a failed entry: the request, with which `retry` tries again.
            if not name.startswith(b"seed:"):
                meta = json.loads(request)["meta"]
                meta.pop("login", None), meta.pop("told_login", None)
                meta.get("episode", {}).get("$episode", {}).pop("enclosure", None)
                found[f"{queue} {name.decode()}"] = json.dumps(meta)
                found[f"{{podcrawler}}:{queue}:entries"][name] = b""
    return {key: str(value) for key, value in found.items()}


def files_below(folder: Path) -> dict[str, str]:
    return {
        str(path): path.read_bytes().decode(errors="replace")
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".mp3" and not path.name.startswith("pages")
    }


def showing(texts: dict[str, str]) -> dict[str, str]:
    """Those of the texts that have the secret in them, from there on."""
    # As a header has it: "Basic YW5uOnMzY3J...".
    marks = (SECRET, "YW5uOnMzY3J")
    return {
        name: text[max(0, text.find(mark) - 100) :][:300]
        for name, text in texts.items()
        for mark in marks
        if mark in f"{name} {text}"
    }


def shown_by(fleet: Commands) -> dict[str, str]:
    texts = {}
    for command in (["status"], ["status", "--json"], ["failed"], ["failed", "--json"]):
        result = fleet.run(*command)
        texts[" ".join(command)] = result.out + result.err
    return texts


def test_a_job_shows_no_login(fleet: Commands, redis: Client, web: Web) -> None:
    ended = fleet.run("archive", *GIVEN, *QUICK)
    assert ended.status == 1, ended.err
    assert {"show.example", "there.example", "listed.example"} <= {url.split("/")[2] for url, _ in web.asked}
    assert {path.rpartition("/")[2] for path in fleet.files()} >= {"good.good.mp3.mp3", "transcribed.Transcribed.mp3"}
    assert web.logins().keys() == {f"ann:{SECRET}@et"}
    texts = {"out": ended.out, "err": ended.err, **shown_by(fleet), **left_in(redis), **files_below(fleet.folder)}
    assert any(name.endswith("episodes.log") for name in texts)
    assert showing(texts) == {}


def test_nodes_and_their_exports_show_no_login(fleet: Commands, redis: Client, web: Web) -> None:
    redis.lpush("episodes:start_urls", *GIVEN, *BROKEN)
    proxied = web.address.replace("://", f"://ann:{SECRET}@")
    environment = {"PODCRAWLER_PROXY": proxied, "AWS_SECRET_ACCESS_KEY": SECRET}
    ended = fleet.drain(
        *QUICK, "-O", "items.jsonl", "-O", "items.csv", "-O", "items.xml", "-s", f"AWS_SECRET_ACCESS_KEY={SECRET}",
        "-s", f"FTP_PASSWORD={SECRET}", **environment,
    )  # fmt: skip
    assert ended.status == 1, ended.err
    exported = [json.loads(line) for line in (fleet.folder / "items.jsonl").read_text().splitlines()]
    assert {"http://other.example/good.mp3", FILE} <= {item["enclosure"]["url"] for item in exported}
    assert "Overridden settings" in ended.err
    texts = {"out": ended.out, "err": ended.err, **shown_by(fleet), **left_in(redis), **files_below(fleet.folder)}
    assert showing(texts) == {}
    broken = [line for line in fleet.run("failed", "--json").out.splitlines() if "unreadable" in line]
    assert len(broken) == len(BROKEN)
    assert sum("percent-encoded" in line for line in broken) == len(BROKEN) - 1


@pytest.mark.parametrize("address", [address for address in BROKEN if not address.startswith("{")])
def test_no_command_line_shows_a_login(commands: Commands, address: str) -> None:
    texts = {}
    for command in (["archive", address], ["parse", address], ["merge", "show-1", address]):
        ended = commands.run(*command)
        assert ended.status == 2, ended.err
        assert "percent-encoded" in ended.err
        texts[command[0]] = ended.out + ended.err
    assert showing(texts | files_below(commands.folder)) == {}


def test_the_commands_for_one_page_show_no_login(commands: Commands, fleet: Commands, web: Web) -> None:
    netrc = commands.folder / "netrc"
    netrc.write_text(f"machine show.example login ann password {SECRET}@et\n")
    netrc.chmod(0o600)
    texts = {}
    for command in (
        ["parse", with_login(FEED)],
        ["fetch", "--headers", with_login(FEED)],
        ["fetch", "--headers", FEED],
        ["shell", with_login(FEED), "-c", "response.status"],
    ):
        ended = fleet.run(*command, "-L", "DEBUG", NETRC=str(netrc))
        assert ended.status == 0, ended.err
        texts[" ".join(command[:2])[:20]] = ended.out + ended.err
    assert web.logins().keys() == {f"ann:{SECRET}@et"}
    assert showing(texts) == {}


#: Longer than what is printed in one line, so that it is printed in several.
PHRASE = f"{SECRET} " + "and so on " * 12 + SECRET
SECRET_SETTINGS = {
    **dict.fromkeys(
        ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "FTP_PASSWORD", "HTTPAUTH_PASS", "MAIL_PASS"), PHRASE
    ),
    "AWS_ENDPOINT_URL": f"https://ann:{SECRET}@buckets.example/",
    "FEEDS": json.dumps({f"ftp://ann:{SECRET}@127.0.0.1:1/items.csv": {"format": "csv"}}),
    "HTTPAUTH_USER": "ann",
    "HTTPAUTH_DOMAIN": "show.example",
    "PODCRAWLER_HOSTS": "hosts.toml",
    # Any password will do for a user who needs none.
    "REDIS_PARAMS": json.dumps({"username": "default", "password": SECRET}),
    "TELNETCONSOLE_ENABLED": "1",
    "TELNETCONSOLE_PASSWORD": PHRASE,
}


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["archive", FEED, "http://gone.example/feed"], 1),
        (["crawl", "podcasts", "-a", f"address={FEED}", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1"], 0),
        (["fetch", "--headers", FEED], 0),
        (["view", FEED], 0),
        (["parse", FEED], 0),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_no_setting_shows_its_secret(fleet: Commands, web: Web, command: list[str], status: int) -> None:
    proxy = web.address.replace("://", f"://ann:{SECRET}@")
    fleet.environment.pop("http_proxy")
    (fleet.folder / "hosts.toml").write_text(f'["show.example"]\nproxy = "{proxy}"\n')
    given = {**SECRET_SETTINGS, "PODCRAWLER_PROXY": proxy}
    settings = (word for name, value in given.items() for word in ("-s", f"{name}={value}"))
    url = fleet.environment["REDIS_URL"].replace("unix://", f"unix://default:{SECRET}@")
    ended = fleet.run(*command, *settings, *QUICK, REDIS_URL=url, BROWSER="true")
    assert ended.status == status, ended.err
    assert web.logins()[f"ann:{PHRASE}"], "the login of the settings was sent"
    texts = {"out": ended.out, "err": ended.err, **files_below(fleet.folder)}
    del texts[str(fleet.folder / "hosts.toml")]
    assert any("'AWS_SECRET_ACCESS_KEY': '***'" in text for text in texts.values())
    assert showing(texts) == {}
