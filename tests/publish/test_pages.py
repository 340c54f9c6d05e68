"""``publish --pages`` and ``--serve``: an archive as web pages, in any browser, without a request to anybody else."""

import base64
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from lxml import html

from podcrawler.publish.html import static
from podcrawler.publish.places import Place
from podcrawler.publish.search import keys_of
from podcrawler.store import sidecar
from tests.archives import put_episode, put_podcast
from tests.conftest import Commands, Result
from tests.programs import installed
from tests.publish.reading import SHOW
from tests.publish.serving import serving

ATTACK = (
    '<p onclick="x()">Hello <b>World</b><script>alert(1)</script><img src="https://evil.example/pixel.png">'
    '<a href="javascript:alert(1)">one</a><a href="https://example.org/two">two</a>'
    '<iframe src="https://evil.example/"></iframe><style>@import url(https://evil.example/x.css)</style>'
    '<form action="https://evil.example/"><input autofocus onfocus=alert(1)></form><svg onload=alert(1)></p>'
)
#: What makes a browser ask for something.
_LOADING = {("link", "href"), ("script", "src"), ("audio", "src"), ("video", "src"), ("img", "src"), ("iframe", "src")}


@pytest.fixture
def archive(commands: Commands) -> Path:
    put_podcast(
        commands.archive, title="標題 </title><script>alert(1)</script>", description=ATTACK, link="javascript:1"
    )
    put_episode(
        commands.archive, b"1", title="燈塔的聲音", description=ATTACK, page="https://example.org/1", duration=3661
    )
    put_episode(
        commands.archive, b"2", number=2, title="</h1><script>alert(1)</script>", description="a < b\nplain & x"
    )
    put_episode(commands.archive, b"3", number=3, title="", published=None, guid="g")
    return commands.archive


def pages(commands: Commands, *words: str, status: int = 0) -> Result:
    ended = commands.run("publish", "--pages", *words)
    assert (ended.status, "Traceback" in ended.err) == (status, False), ended.out + ended.err
    return ended


def parsed(path: Path) -> Any:
    return html.fromstring(path.read_bytes())


def test_every_podcast_and_episode_has_a_page_that_leads_to_the_others(commands: Commands, archive: Path) -> None:
    assert "Pages of 1 podcast and 3 episodes; 9 files written, 0 unchanged." in pages(commands).out
    seen, waiting = set(), ["index.html"]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            links = parsed(archive / path).xpath("//a[not(@download)]/@href")
            waiting += [urljoin(path, link) for link in links if not urlsplit(link).scheme and not link.startswith("#")]
    assert seen == {"index.html", f"{SHOW}/index.html", *(f"{SHOW}/pages/{number}.html" for number in (1, 2, 3))}
    episode = parsed(archive / SHOW / "pages" / "1.html")
    (audio,) = episode.xpath("//audio")
    assert (
        urljoin(f"{SHOW}/pages/1.html", audio.get("src"))
        == f"{SHOW}/1.%E7%87%88%E5%A1%94%E7%9A%84%E8%81%B2%E9%9F%B3.mp3"
    )
    assert [heading.text for heading in episode.xpath("//h1")] == ["燈塔的聲音"]
    assert "1:01:01" in episode.text_content()
    assert parsed(archive / SHOW / "pages" / "2.html").xpath("//h1")[0].text == "</h1><script>alert(1)</script>"
    assert "a &lt; b<br>plain &amp; x" in (archive / SHOW / "pages" / "2.html").read_text()
    assert parsed(archive / SHOW / "pages" / "3.html").xpath("//h1")[0].text == "untitled"


def test_pages_ask_nobody_else_for_anything_and_run_no_script_of_a_publisher(commands: Commands, archive: Path) -> None:
    pages(commands)
    found = sorted(archive.rglob("*.html"))
    assert len(found) == 5
    for path in found:
        page = parsed(path)
        loads = [
            value
            for element in page.iter()
            for name, value in element.attrib.items()
            if (element.tag, name) in _LOADING
        ]
        assert loads
        for address in loads:
            assert not urlsplit(address).scheme
            assert not urlsplit(address).netloc
        (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert [script.get("src") for script in page.xpath("//script")] == [loads[-1]]
        assert not page.xpath("//iframe | //img | //style | //svg | //main//form | //main//input")
        assert not [name for element in page.iter() for name in element.attrib if name.startswith("on")]
        assert not [link for link in page.xpath("//a/@href") if link.startswith("javascript:")]
    text = parsed(archive / SHOW / "pages" / "1.html")
    assert [link.get("href") for link in text.xpath("//div[@class='text']//a[@href]")] == ["https://example.org/two"]
    assert text.xpath("//div[@class='text']//b")[0].text == "World"


def test_a_hostile_description_takes_no_time(commands: Commands, archive: Path) -> None:
    """Within the limit of time that all tests have: to sanitise them would take minutes."""
    hostile = "".join(f"<a href={at}><b c={at}><p>" for at in range(20_000))
    for number in range(11, 21):
        put_episode(archive, b"x", number=number, description=f"the text {hostile}")
    pages(commands)
    assert "the text" in parsed(archive / SHOW / "pages" / "11.html").text_content()


def test_pages_can_be_used_without_a_mouse_and_with_a_screen_reader(commands: Commands, archive: Path) -> None:
    pages(commands)
    for path in archive.rglob("*.html"):
        page = parsed(path)
        assert page.get("lang")
        assert len(page.xpath("//title")) == len(page.xpath("//main[@id='content']")) == len(page.xpath("//h1")) == 1
        assert page.xpath("//body/*")[0].get("href") == "#content", "one may skip what all pages have"
        assert page.xpath("//label[@for='query']")
        assert page.xpath("//*[@aria-live='polite']")
        assert all(player.get("aria-label") for player in page.xpath("//audio"))
    style = static("style.css").decode()
    assert "prefers-color-scheme: dark" in style
    assert ":focus-visible" in style


def test_only_what_has_changed_is_written_and_what_is_gone_is_removed(commands: Commands, archive: Path) -> None:
    pages(commands)
    times = {path: path.stat().st_mtime_ns for path in archive.rglob("*") if path.suffix in (".html", ".json")}
    put_episode(archive, b"4", number=4, title="New")
    (archive / SHOW / "pages" / "of mine.html").touch()
    assert "4 files written, 6 unchanged" in pages(commands).out
    changed = {path.name for path in archive.rglob("*.html") if path.stat().st_mtime_ns != times.get(path)}
    assert changed == {"index.html", "4.html", "of mine.html"}
    assert "0 files written, 10 unchanged" in pages(commands).out
    for path in archive.glob(f"{SHOW}/4.*"):
        path.unlink()
    pages(commands)
    assert sorted(path.name for path in archive.glob(f"{SHOW}/pages/*")) == [
        "1.html",
        "2.html",
        "3.html",
        "of mine.html",
    ]
    assert commands.run("publish", "--base-url", "https://example.org/").status == 0
    assert "0 files written, 9 unchanged" in pages(commands).out, "feeds and pages know each other's files"
    assert "0 files written" in commands.run("publish", "--base-url", "https://example.org/").out


def test_ids_that_differ_in_case_alone_have_pages_of_their_own(commands: Commands, archive: Path) -> None:
    for name in ("abc", "ABC"):
        path = put_episode(archive, b"x", number=5)
        beside = path.with_name(f"{path.name}.json")
        told = sidecar.loads(beside.read_bytes())
        new = path.with_name(f"{name}.title.mp3")
        described = replace(told, episode=replace(told.episode, id=name), file=replace(told.file, name=new.name))
        new.with_name(f"{new.name}.json").write_bytes(sidecar.dumps(described))
        path.rename(new)
        beside.unlink()
    pages(commands)
    names = [path.name.lower() for path in archive.glob(f"{SHOW}/pages/*")]
    assert len(names) == len(set(names)) == 5


def test_a_sidecar_names_no_file_elsewhere(commands: Commands, archive: Path) -> None:
    beside = archive / SHOW / "3.untitled.mp3.json"
    beside.write_text(beside.read_text().replace('"id": "3"', '"id": "../../../evil"'))
    told = pages(commands, status=1).out
    assert "3.untitled.mp3: its sidecar cannot be read ('../../../evil' is no id of an episode)" in told
    assert not list(commands.folder.rglob("*evil*"))


def search(archive: Path, *asked: str) -> list[list[str]]:
    """The titles that the search of the pages finds, by the script that browsers run."""
    node = installed("nodejs", "node")
    program = """
        const told = JSON.parse(require("fs").readFileSync(0, "utf-8"));
        const nothing = () => ({ addEventListener() {}, dataset: { up: "" }, replaceChildren() {}, append() {} });
        globalThis.document = { getElementById: nothing, querySelectorAll: () => [], createElement: nothing };
        const run = new Function(told.script + "; return (value) => { index = value; return search; };")();
        const search = run(told.index);
        console.log(JSON.stringify(told.asked.map((text) => (search(text) ?? []).map((found) => found[2]))));
    """
    told = {
        "script": static("script.js").decode(),
        "index": json.loads((archive / "_pages" / "search.json").read_bytes()),
        "asked": asked,
    }
    ended = subprocess.run([node, "-e", program], input=json.dumps(told), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return list(json.loads(ended.stdout))


def test_the_search_finds_words_and_parts_of_texts_without_spaces(commands: Commands) -> None:
    archive = commands.archive
    put_podcast(archive)
    titles = ["第一回：燈塔的聲音", "カフェのひととき", "한국어 이야기", "The Lighthouse Keeper", "Café ＡＢＣ 2026"]
    for number, title in enumerate(titles, 1):
        put_episode(
            archive, b"x", number=number, title=title, description=f"<p>about <b>number{number}</b> 香港電台</p>"
        )
    pages(commands)
    newest_first = titles[::-1]
    expected = {
        "燈塔": titles[:1],
        "聲音": titles[:1],
        "聲": titles[:1],
        "塔燈": [],
        "フェの": titles[1:2],
        "한국": titles[2:3],
        "light": titles[3:4],
        "KEEPER lighthouse": titles[3:4],
        "house": [],
        "café abc": titles[4:],
        "ｃａｆé": titles[4:],
        "香港": newest_first,
        "number3": titles[2:3],
        "<b>": [],
        "constructor": [],
        "  ": [],
    }
    assert dict(zip(expected, search(archive, *expected), strict=True)) == expected
    assert keys_of("燈塔的 Lighthouse 聲") == {"燈塔", "塔的", "lighthouse", "聲"}


def test_the_archive_is_served_to_this_machine(commands: Commands, archive: Path) -> None:
    (archive / ".podcrawler").mkdir()
    (archive / ".podcrawler" / "secret").write_text("secret")
    (archive / SHOW / "link.mp3").symlink_to("/etc/passwd")
    with serving(commands, "127.0.0.1", "--pages") as address:
        assert requests.get(address).text.startswith("<!DOCTYPE html>")
        assert requests.get(f"{address}{SHOW}/").status_code == 200
        names = [path.name for path in archive.glob(f"{SHOW}/2.*.mp3")]
        part = requests.get(f"{address}{SHOW}/{names[0]}", headers={"Range": "bytes=0-0"})
        assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"2", "bytes 0-0/1")
        for path in (
            ".podcrawler/secret",
            f"{SHOW}/link.mp3",
            "%2e%2e/x",
            "..%2f..%2fetc/passwd",
            f"{SHOW}/../.podcrawler/secret",
        ):
            answer = requests.get(address + path)
            assert (answer.status_code, "secret" in answer.text, "root" in answer.text) == (404, False, False), path


def test_a_page_that_gives_its_host_the_address_of_this_machine_reads_nothing(
    commands: Commands, archive: Path
) -> None:
    assert archive
    with serving(commands, "127.0.0.1") as address:
        here = f"{address}{SHOW}/podcast.json"

        def status_for(host: str) -> int:
            return requests.get(here, headers={"Host": host}).status_code

        for host in ("127.0.0.1", "localhost", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8000"):
            assert status_for(host) == 200, host
        for host in (
            "evil.example",
            "evil.example:8000",
            "localhost.evil.example",
            "192.0.2.1",
            "[::1",
            "",
            "127.0.0.1.",
        ):
            assert status_for(host) in (400, 421), host
        told = requests.get(here, headers={"Host": "evil.example"}).text
        assert told == "This server is asked as 127.0.0.1 or localhost or ::1 alone."
    with serving(commands, "127.0.0.2") as address:
        assert requests.get(f"{address}{SHOW}/podcast.json").status_code == 200


def test_others_need_a_password(commands: Commands, archive: Path) -> None:
    assert archive
    ended = commands.run("publish", "--serve", "0.0.0.0:0")
    assert (ended.status, "set a password: PODCRAWLER_PUBLISH_PASSWORD" in ended.err) == (2, True)
    with serving(commands, "0.0.0.0", PODCRAWLER_PUBLISH_PASSWORD="gehéim") as address:
        here = f"{address}{SHOW}/podcast.json"
        refused = requests.get(here)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="podcrawler"')
        for header in ("Basic", "Basic !", "Bearer gehéim", f"Basic {base64.b64encode(b'a:wrong').decode()}"):
            assert requests.get(here, headers={"Authorization": header.encode()}).status_code == 401
        right = f"Basic {base64.b64encode('anybody:gehéim'.encode()).decode()}"
        assert requests.get(here, headers={"Authorization": right}).status_code == 200
        assert requests.get(here, headers={"Authorization": right, "Host": "nas.example"}).status_code == 200


def test_a_place_that_is_taken_is_told(commands: Commands, archive: Path) -> None:
    assert archive
    with serving(commands, "127.0.0.1") as address:
        ended = commands.run("publish", "--serve", urlsplit(address).netloc)
    assert (ended.status, "cannot be listened on (Address already in use)" in ended.err) == (2, True), ended.err


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("8001", ("127.0.0.1", 8001)),
        ("localhost", ("localhost", 8000)),
        ("[::1]:80", ("::1", 80)),
        ("[::1]", ("::1", 8000)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("a:b", None),
        (":1", None),
        ("a:99999", None),
    ],
)
def test_places(given: str, expected: tuple[str, int] | None) -> None:
    if expected:
        assert Place.read(given) == expected
        assert Place.read(given).is_loopback == (not given.startswith("0."))
    else:
        with pytest.raises(ValueError, match="it is no address such as"):
            Place.read(given)


def test_dates_are_those_of_the_publisher(commands: Commands, archive: Path) -> None:
    put_episode(archive, b"x", number=6, published=datetime(2026, 3, 4, 5, tzinfo=UTC))
    pages(commands)
    (time,) = parsed(archive / SHOW / "pages" / "6.html").xpath("//time")
    assert (time.text, time.get("datetime")) == ("2026-03-04", "2026-03-04")
