"""Published pages in a real browser: Chromium, which Playwright drives."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, Route, expect, sync_playwright

from sample.server import SampleServer
from tests import forking
from tests.archives import put_beside
from tests.conftest import Commands
from tests.programs import installed
from tests.publish.serving import serving

pytestmark = pytest.mark.slow

#: Tunes of minutes, of which Chromium does not fetch all in advance.
REPEATS = 200
SEEDS = ("podcast/item_all.php?pid=287", "feed.xml")
#: Pictures of the documentation are written to the folder that this variable names (tests/README.md).
SCREENSHOTS = os.environ.get("SCREENSHOTS")
MOST_BYTES = 150_000
#: Width and height in pixels.
SIZES = {"desktop": (900, 480), "phone": (390, 480)}
TITLE = "第一回：燈塔的聲音"
#: A picture of one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)
#: The episode that has chapters, transcripts and a cover beside its audio.
RICH = 20003
CHAPTERS = {
    "version": "1.2.0",
    "chapters": [
        {"startTime": 0, "title": "開始"},
        {"startTime": 30.5, "title": "燈塔", "url": "https://example.org/lighthouse"},
        {"startTime": 45, "title": "結束"},
    ],
}
VTT = """WEBVTT

00:00.000 --> 00:02.000
<v 陳>大家好。

00:40.250 --> 00:42.000
<v 李><script>alert(1)</script>你好。
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = installed("chromium", "chromium", "google-chrome")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium, args=["--autoplay-policy=no-user-gesture-required"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def published(browser: Browser, template: forking.Template, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The sample, as it is archived and published."""
    assert browser
    commands = Commands(tmp_path_factory.mktemp("published"), template=template)
    with SampleServer(repeats=REPEATS) as address:
        ended = commands.run("archive", *(urljoin(address, seed) for seed in SEEDS))
        assert ended.status == 0, ended.err
    (media,) = commands.archive.glob(f"*/{RICH}.*.wav")
    put_beside(media, ".chapters.json", json.dumps(CHAPTERS).encode(), "chapters")
    put_beside(media, ".zh-Hant.vtt", VTT.encode(), "transcript", language="zh-Hant")
    put_beside(media, ".html", b"<script>document.title = 'evil'</script><p>hello</p>", "transcript", language="en")
    put_beside(media, ".png", PNG, "cover")
    ended = commands.run("publish", "--pages")
    assert ended.status == 0, ended.err
    return commands


@pytest.fixture(scope="module")
def site(published: Commands) -> Iterator[str]:
    """The address of its pages."""
    with serving(published, "127.0.0.1") as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page; what it shows must complain of nothing, and ask no other host."""
    with watched(browser) as context:
        yield context.new_page()


@contextmanager
def watched(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """What belongs to one user of the browser. It fails if a page complained, or asked another host than 127.0.0.1."""
    complaints: list[str] = []
    hosts: set[str | None] = set()
    with browser.new_context(**options) as context:
        # Violations of the Content Security Policy are errors on the console.
        context.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        yield context
    assert complaints == []
    assert hosts - {"127.0.0.1", None} == set()


def episode_of(archive: Path, number: int = 20001) -> str:
    """The path of an episode's page."""
    (found,) = archive.glob(f"*/pages/{number}.html")
    return found.relative_to(archive).as_posix()


def play(player: Locator) -> None:
    player.evaluate("player => player.play()")


def wait_for(page: Page, condition: str) -> None:
    """Wait until something holds of the page's player."""
    page.wait_for_function(f"() => {{ const player = document.querySelector('audio'); return {condition}; }}")


def is_part(response: Response) -> bool:
    """Whether it is a part of a file, and not from its beginning on."""
    return response.status == 206 and not response.headers["content-range"].startswith("bytes 0-")


def test_an_episode_plays_and_jumps(page: Page, site: str, published: Commands) -> None:
    page.goto(site + episode_of(published.archive))
    player = page.locator("audio")
    play(player)
    wait_for(page, "player.currentTime > 0.5")
    with page.expect_response(is_part):
        player.evaluate("player => { player.currentTime = player.duration - 30; }")
    wait_for(page, "!player.seeking && player.currentTime > player.duration - 29.5")


def test_playing_goes_on_where_it_was_left(page: Page, site: str, published: Commands) -> None:
    address = site + episode_of(published.archive)
    page.goto(address)
    play(page.locator("audio"))
    wait_for(page, "player.currentTime > 0.5")
    page.locator("audio").evaluate("player => { player.currentTime = 60; }")
    wait_for(page, "!player.seeking && player.currentTime > 60.5")
    page.reload()
    wait_for(page, "player.paused && !player.seeking && Math.floor(player.currentTime) >= 60")
    # Who only looks at the page, and leaves before the file has come, has heard nothing new.
    page.route("**/*.wav", lambda _: None)
    page.goto(address, wait_until="domcontentloaded")
    page.goto(site)
    page.unroute("**/*.wav")
    page.goto(address)
    play(page.locator("audio"))
    wait_for(page, "!player.paused && player.currentTime > 61")
    page.goto(site + episode_of(published.archive, 20002))
    play(page.locator("audio"))
    wait_for(page, "player.currentTime > 0 && player.currentTime < 60")


def test_the_search_leads_to_an_episode(page: Page, site: str, published: Commands) -> None:
    episode = episode_of(published.archive)
    for start in ("index.html", f"{episode.partition('/')[0]}/index.html", episode_of(published.archive, 20005)):
        page.goto(site + start)
        page.get_by_role("searchbox", name="Search").fill("燈塔的聲")
        expect(page.get_by_role("status")).to_have_text("1 episode")
        page.get_by_role("region", name="Search results").get_by_role("link", name=TITLE).click()
        expect(page).to_have_url(site + episode)
        expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    page.get_by_role("searchbox").fill("塔燈")
    expect(page.get_by_role("status")).to_have_text("0 episodes")
    page.get_by_role("searchbox").fill("")
    expect(page.get_by_role("status")).to_have_text("")
    expect(page.get_by_role("region", name="Search results")).to_be_hidden()


def test_the_keyboard_alone_reaches_and_plays_an_episode(page: Page, site: str) -> None:
    def tab_to(wanted: Locator) -> None:
        for _ in range(20):
            page.keyboard.press("Tab")
            if wanted.evaluate("element => element === document.activeElement"):
                return
        pytest.fail(f"the keyboard does not reach {wanted}")

    page.goto(site)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    tab_to(page.get_by_role("main").get_by_role("link", name="Harbour Nights"))
    page.keyboard.press("Enter")
    tab_to(page.get_by_role("link", name="除夕特輯"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("除夕特輯")
    tab_to(page.get_by_role("searchbox"))
    page.keyboard.insert_text("燈塔")
    expect(page.get_by_role("status")).to_have_text("1 episode")
    tab_to(page.get_by_role("link", name=TITLE))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    tab_to(page.locator("audio"))
    page.keyboard.press("Space")
    wait_for(page, "!player.paused && player.currentTime > 0.5")
    page.keyboard.press("Space")
    wait_for(page, "player.paused")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", sorted(SIZES))
def test_pages_have_no_barriers_and_fit_the_screen(
    browser: Browser, site: str, published: Commands, tmp_path: Path, size: str, scheme: Any
) -> None:
    width, height = SIZES[size]
    episode = episode_of(published.archive)
    podcast = f"{episode.partition('/')[0]}/index.html"
    with watched(browser, viewport={"width": width, "height": height}, color_scheme=scheme, locale="en") as context:
        page = context.new_page()

        def look_at() -> None:
            faults = Axe().run(page).response["violations"]
            assert [(one["id"], one["impact"], [node["html"] for node in one["nodes"]]) for one in faults] == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width

        page.goto(site)
        look_at()
        page.goto(site + podcast)
        look_at()
        page.get_by_role("searchbox").fill("燈塔")
        expect(page.get_by_role("status")).to_have_text("1 episode")
        look_at()
        shot = page.screenshot()
        page.goto(site + episode_of(published.archive, RICH))
        page.get_by_role("button", name="燈塔").click()
        expect(page.locator("ol [aria-current=true]")).to_have_count(1)
        page.locator("audio").evaluate("player => player.pause()")
        look_at()
        page.goto(site + episode)
        look_at()
        if size == "phone":
            shot = page.screenshot()
    assert len(shot) <= MOST_BYTES
    (Path(SCREENSHOTS or tmp_path) / f"pages-{size}-{scheme}.png").write_bytes(shot)


def test_chapters_and_transcripts_lead_through_the_episode(page: Page, site: str, published: Commands) -> None:
    page.goto(site + episode_of(published.archive, RICH))
    chapters = page.get_by_role("list", name="Chapters")
    transcript = page.get_by_role("group").filter(has_text="zh-Hant")
    expect(chapters.get_by_role("button")).to_have_text(["0:00 開始", "0:30 燈塔", "0:45 結束"])
    expect(page.locator("[aria-current]")).to_have_count(0)
    # What the player would have gone on from counts for nothing.
    page.evaluate("localStorage.setItem('podcrawler:' + document.querySelector('audio').dataset.place, '50')")
    held: list[Route] = []
    page.route("**/*.wav", lambda request: held.append(request))
    page.reload(wait_until="domcontentloaded")
    chapters.get_by_role("button", name="燈塔").click()
    for request in held:
        request.continue_()
    page.unroute("**/*.wav")
    wait_for(page, "!player.paused && player.currentTime > 30.6 && player.currentTime < 40")
    expect(chapters.locator("[aria-current=true]")).to_have_text("0:30 燈塔")
    expect(transcript.locator("[aria-current=true]")).to_have_text("0:00")
    expect(transcript.get_by_role("paragraph")).to_have_text(["0:00 陳: 大家好。", "0:40 李: alert(1)你好。"])
    transcript.get_by_role("button", name="0:40").focus()
    page.keyboard.press("Enter")
    wait_for(page, "player.currentTime > 40.3 && player.currentTime < 45")
    expect(transcript.locator("[aria-current=true]")).to_have_text("0:40")
    page.locator("audio").evaluate("player => { player.pause(); player.currentTime = 46; }")
    expect(chapters.locator("[aria-current=true]")).to_have_text("0:45 結束")
    expect(page.get_by_role("link", name="example.org")).to_have_attribute("href", "https://example.org/lighthouse")
    page.reload()
    wait_for(page, "player.paused && !player.seeking && Math.floor(player.currentTime) === 46")


def test_a_cover_is_shown(page: Page, site: str, published: Commands) -> None:
    page.goto(site + episode_of(published.archive, RICH))
    cover = page.get_by_role("img", name="Cover")
    expect(cover).to_be_visible()
    assert cover.evaluate("image => image.complete && image.naturalWidth") == 1


def test_a_transcript_of_a_publisher_runs_nothing(browser: Browser, site: str, published: Commands) -> None:
    (path,) = published.archive.glob(f"*/{RICH}.*.html")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site + quote(path.relative_to(published.archive).as_posix()))
        expect(page.get_by_text("hello")).to_be_visible()
        assert page.evaluate("[document.title, self.origin]") == ["", "null"]


def test_pages_that_are_opened_as_files_play_and_say_what_they_cannot(page: Page, published: Commands) -> None:
    page.goto((published.archive / "index.html").as_uri())
    page.get_by_role("link", name="Harbour Nights").click()
    page.get_by_role("link", name=TITLE).click()
    expect(page.locator("body")).to_have_css("max-width", "736px")
    play(page.locator("audio"))
    wait_for(page, "player.currentTime > 0.5")
    page.get_by_role("searchbox").fill("燈塔")
    expect(page.get_by_role("status")).to_contain_text("The search needs a web server")
    page.goto((published.archive / episode_of(published.archive, RICH)).as_uri())
    page.get_by_role("button", name="燈塔").click()
    wait_for(page, "player.currentTime > 30.6")
    assert page.get_by_role("img", name="Cover").evaluate("image => image.naturalWidth") == 1
