"""What a person pastes, given to ``archive``: each address leads to its episodes, or ends in a sentence.

The web is a stand-in that answers for every host.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Commands, Result
from tests.stand_in import Page, RunningStandIn, standing_in

#: MPEG-1 layer III: frames of 417 bytes.
MP3 = (b"\xff\xfb\x90\x00" + b"\x55" * 413) * 40
AUDIO = Page(MP3, "audio/mpeg")
#: Tries of what may pass follow each other at once; the stand-in's certificate is its own.
OPTIONS = ("-s", "PODCRAWLER_RETRY_DELAY=0.01", "-s", "DOWNLOAD_VERIFY_CERTIFICATES=0")


def feed(title: str, *files: str, more: str = "") -> Page:
    """A feed with an episode for each file, whose guid and title are its name."""
    items = "".join(
        f'<item><title>{file.rpartition("/")[2]}</title><enclosure url="{file}" type="audio/mpeg" length="0"/></item>'
        for file in files
    )
    head = '<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    head += 'xmlns:podcast="https://podcastindex.org/namespace/1.0">'
    return Page(f"{head}<channel><title>{title}</title>{more}{items}</channel></rss>", "application/rss+xml")


def web_page(body: str, head: str = "") -> Page:
    return Page(f"<!doctype html><html><head><title>A page</title>{head}</head><body>{body}</body></html>")


def alternate(href: str, kind: str = "application/rss+xml", title: str = "") -> str:
    return f'<link rel="alternate" type="{kind}" title="{title}" href="{href}">'


@pytest.fixture
def archive(commands: Commands, certificate: Path) -> "Archive":
    return Archive(commands, certificate)


class Archive:
    """``archive`` in an empty folder, on a web of these pages."""

    def __init__(self, commands: Commands, certificate: Path) -> None:
        self.commands = commands
        self._certificate = certificate

    @contextmanager
    def web(self, pages: dict[str, Page]) -> Iterator[RunningStandIn]:
        with standing_in(pages, self.commands.folder, self._certificate) as stand_in:
            self.commands.environment["PODCRAWLER_PROXY"] = stand_in.address
            yield stand_in

    def run(self, *arguments: str) -> Result:
        result = self.commands.run("archive", *arguments, *OPTIONS)
        assert "Traceback" not in result.out + result.err
        return result

    def files(self) -> set[str]:
        """``<title of the podcast>/<title of the episode>``, of every file, as far as names have them."""
        return {
            f"{path.rpartition('/')[0].rpartition('-')[0]}/{path.rpartition('/')[2].split('.', 1)[1]}"
            for path in self.commands.files()
        }


def test_each_kind_of_address_leads_to_its_episodes(archive: Archive) -> None:
    json_ld = {"@type": "PodcastEpisode", "name": "The Well", "associatedMedia": {"contentUrl": "/audio/well.mp3"}}
    pages = {
        # Without a scheme, and with others than http; the first host speaks no TLS.
        "http://plain.example/feed": feed("Plain", "http://m.example/plain.mp3"),
        "https://safe.example/feed.xml": feed("Safe", "http://m.example/safe.mp3"),
        "https://wrapped.example/feed.xml": feed("Wrapped", "http://m.example/wrapped.mp3"),
        # A home page whose first feed is that of its articles.
        "https://home.example/": web_page(
            "hi", alternate("/articles") + alternate("/comments/feed") + alternate("/cast", title="Cast")
        ),
        "https://home.example/articles": feed("Articles"),
        "https://home.example/comments/feed": feed("Comments"),
        "https://home.example/cast": feed("Home", "http://m.example/home.mp3"),
        # A plain link, on the second page.
        "https://old.example/": web_page('<a href="shows.html">All our podcasts</a>'),
        "https://old.example/shows.html": web_page('<a href="old.rss"><img alt="RSS" src="orange.gif"></a>'),
        "https://old.example/old.rss": feed("Old", "http://m.example/old.mp3"),
        # Pages of episodes.
        "https://show.example/well": web_page(
            "", f'<script type="application/ld+json">{json.dumps(json_ld)}</script>' + alternate("/rss")
        ),
        "https://show.example/audio/well.mp3": AUDIO,
        "https://blog.example/post": web_page(
            "<h1>Played</h1><audio controls><source src='played.mp3'></audio>", alternate("/feed")
        ),
        "https://blog.example/feed": feed("A blog"),
        "https://blog.example/played.mp3": AUDIO,
        # A file.
        "http://m.example/talks/direct.mp3": AUDIO,
        # Directories.
        "https://podcasts.apple.com/de/podcast/orchard/id471100": web_page("Orchard"),
        "https://itunes.apple.com/lookup?id=471100&entity=podcast": Page(
            json.dumps({"resultCount": 1, "results": [{"feedUrl": "https://orchard.example/feed"}]}), "text/javascript"
        ),
        "https://orchard.example/feed": feed("Orchard", "http://m.example/orchard.mp3"),
        "https://overcast.fm/itunes471200/river": Page("Too many requests", status=403),
        "https://itunes.apple.com/lookup?id=471200&entity=podcast": Page(
            json.dumps({"resultCount": 1, "results": [{"feedUrl": "https://river.example/feed"}]}), "text/javascript"
        ),
        "https://river.example/feed": feed("River", "http://m.example/river.mp3"),
        "https://pca.st/abcd": web_page('<a class="rss_button" href="https://pocket.example/f">RSS</a>'),
        "https://pocket.example/f": feed("Pocket", "http://m.example/pocket.mp3"),
        "https://castro.fm/episode/x": web_page(
            "", '<script>{"props":{"feedUrl":"https:\\/\\/castor.example\\/f"}}</script>'
        ),
        "https://castor.example/f": feed("Castor", "http://m.example/castor.mp3"),
    }
    names = ["plain", "safe", "wrapped", "home", "old", "orchard", "river", "pocket", "castor"]
    pages |= {f"http://m.example/{name}.mp3": AUDIO for name in names}
    given = [
        "plain.example/feed",
        "safe.example/feed.xml",
        "feed:https://wrapped.example/feed.xml",
        " <https://home.example/> ",
        "old.example",
        "https://show.example/well",
        "https://blog.example/post",
        "http://m.example/talks/direct.mp3",
        "https://podcasts.apple.com/de/podcast/orchard/id471100?i=1000",
        "https://overcast.fm/itunes471200/river",
        "https://pca.st/abcd",
        "https://castro.fm/episode/x",
    ]
    pages["https://podcasts.apple.com/de/podcast/orchard/id471100?i=1000"] = web_page("Orchard")
    with archive.web(pages):
        result = archive.run(*given)
        assert result.status == 0, result.out + result.err
        assert archive.files() == {
            *(f"{name}/{name}.mp3.mp3" for name in names),
            "show-example/The Well.mp3",
            "blog-example/Played.mp3",
            "m-example-direct-mp3/direct.mp3",
        }
        again = archive.run("http://plain.example/feed", "pcast://safe.example/feed.xml", *given[2:])
    assert again.status == 0, again.out + again.err
    assert "all 12 episodes are already there" in again.out
    assert len(archive.files()) == 12


OPML = """<?xml version="1.0"?>
<opml version="1.0"><head><title>Mine</title></head><body>
<outline text="News &amp; more">
  <outline type="rss" text="One" xmlUrl="{scheme}one.example/feed?a=1&amp;b=2"/>
  <outline text="Deeper"><outline type="rss" text="Two" xmlUrl="https://two.example/feed"/></outline>
</outline>
<outline type="rss" text="One again" xmlUrl="https://ONE.example/feed?a=1&amp;b=2"/>
<outline type="rss" text="Nothing"/>
<outline type="rss" text="Typo" xmlUrl="htp://three.example/feed"/>
{more}
</body></opml>"""
SUBSCRIBED = {
    "https://one.example/feed?a=1&b=2": feed("One", "http://m.example/one.mp3"),
    "https://two.example/feed": feed("Two", "http://m.example/two.mp3"),
    "http://m.example/one.mp3": AUDIO,
    "http://m.example/two.mp3": AUDIO,
}


@pytest.mark.parametrize("more", ["", '<outline text="Tom & "Jerry" <3">'], ids=["well-formed", "broken"])
@pytest.mark.parametrize("where", ["web", "file"])
def test_each_feed_of_a_list_of_subscriptions_is_a_podcast_of_its_own(archive: Archive, where: str, more: str) -> None:
    text = OPML.format(scheme="feed://", more=more)
    (archive.commands.folder / "mine.opml").write_text(text)
    given = "mine.opml" if where == "file" else "https://reader.example/mine.opml"
    with archive.web({**SUBSCRIBED, "https://reader.example/mine.opml": Page(text, "text/xml")}):
        result = archive.run(given)
        assert archive.files() == {"one/one.mp3.mp3", "two/two.mp3.mp3"}
        assert result.status == 1
        assert "htp://three.example/feed" in result.out
        assert '"Nothing": the outline names no address' in result.out
        assert "2 finished" in result.out
        again = archive.run(given)
    assert "all 2 episodes are already there" in again.out


def test_a_feed_that_moves_is_the_same_podcast(archive: Archive) -> None:
    def moved(to: str) -> str:
        return f"<itunes:new-feed-url>{to}</itunes:new-feed-url>"

    files = [f"http://m.example/{number}.mp3" for number in range(4)]
    pages = {
        # Moves to a page that says that it has moved back.
        "https://a.example/": feed("Farewell", files[0], more=moved("https://b.example/")),
        "https://b.example/": feed("Hello", files[0], files[1], more=moved("https://a.example/")),
        # Empty, but for its new address; that is the same in another spelling there.
        "https://empty.example/": feed("Gone", more=moved("https://full.example/f")),
        "https://full.example/f": feed("Full", files[2], more=moved("http://full.example/f/")),
        "https://first.example/": feed("Before", files[3]),
        "https://second.example/": Page("", status=301, headers={"Location": "https://first.example/"}),
        **dict.fromkeys(files, AUDIO),
    }
    with archive.web(pages):
        first = archive.run("https://a.example/", "https://empty.example/", "https://first.example/")
        assert first.status == 0, first.out
        assert archive.files() == {"farewell/0.mp3.mp3", "farewell/1.mp3.mp3", "full/2.mp3.mp3", "before/3.mp3.mp3"}
        again = archive.run("https://b.example/", "https://full.example/f", "https://second.example/")
        assert again.status == 0, again.out
        assert "all 4 episodes are already there" in again.out
        assert len(archive.files()) == 4


def test_only_the_last_candidate_fails_and_in_what_tells_most(archive: Archive) -> None:
    pages = {
        "https://mixed.example/": web_page("", alternate("/gone") + alternate("/articles") + alternate("/lost")),
        "https://mixed.example/articles": feed("Articles", ""),
        "https://silent.example/": web_page("Nothing to hear, and no links."),
        "https://loop.example/": web_page('<a href="/b">our podcast</a>'),
        "https://loop.example/b": web_page('<a href="/">our podcast</a> <a href="/c">podcast</a>'),
        "https://loop.example/c": web_page('<a href="/b">podcast</a>'),
        "http://files.example/paper.pdf": Page(b"%PDF-1.7\n\x00\x01" * 500, "application/pdf"),
        "http://files.example/list.m3u": Page("#EXTM3U\nhttp://m.example/1.mp3\n", "audio/x-mpegurl"),
        "https://podcasts.apple.com/us/podcast/id999900": Page("Gone", status=404),
        "https://itunes.apple.com/lookup?id=999900&entity=podcast": Page('{"resultCount":0, "results": []}'),
    }
    with archive.web(pages) as web:
        result = archive.run(
            "mixed.example",
            "https://silent.example/",
            "https://loop.example/",
            "http://files.example/paper.pdf",
            "http://files.example/list.m3u",
            "https://podcasts.apple.com/us/podcast/id999900",
            "nowhere.example/feed",
        )
        asked = web.asked()
    assert result.status == 2
    failures = [line.split(" ", 3) for line in result.out.splitlines() if line.startswith("failed: ")]
    assert {address: kind for _, address, kind, _ in failures} == {
        "https://mixed.example/": "[no-enclosures]:",
        "https://silent.example/": "[unknown-page]:",
        "https://loop.example/": "[no-feed]:",
        "http://files.example/paper.pdf": "[unknown-page]:",
        "http://files.example/list.m3u": "[unknown-page]:",
        "https://podcasts.apple.com/us/podcast/id999900": "[no-feed]:",
        "https://nowhere.example/feed": "[http-404]:",
    }
    assert "is a PDF document" in result.out
    assert "is a playlist" in result.out
    assert max(asked.count(address) for address in asked if "loop" in address) == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("https://open.spotify.com/show/4rOoJ6Egrf8K2IrywzwOMk", "is on Spotify, which gives no files"),
        ("spotify:show:4rOoJ6Egrf8K2IrywzwOMk", "is on Spotify"),
        ("spotify.link/abc", "is on Spotify"),
        ("https://www.youtube.com/watch?v=abc", "is on YouTube"),
        ("missing.opml", "no file that is there"),
        ("./feed.xml", "no file that is there"),
        ("notes.txt", "is neither a list of subscriptions (OPML) nor a list of addresses"),
        ("empty.opml", "without the address of a feed"),
        ("mailto:me@example.com", "must begin with http:// or https://"),
        ("./folder", "./folder is a folder; give the address of a podcast, or a file with addresses in it."),
    ],
)
def test_what_leads_nowhere_ends_in_a_sentence_without_a_request(archive: Archive, given: str, sentence: str) -> None:
    (archive.commands.folder / "notes.txt").write_text("<p>https://example.com/feed.xml</p>")
    (archive.commands.folder / "folder").mkdir()
    (archive.commands.folder / "empty.opml").write_text("<opml><body><outline text='x'/></body></opml>")
    with archive.web({}) as web:
        result = archive.run(given)
        assert web.asked() == []
    assert result.status == 2
    assert sentence in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_parse_follows_addresses_and_shows_what_they_lead_to(archive: Archive) -> None:
    pages = {
        "https://home.example/": web_page("", alternate("/f")),
        "https://home.example/f": feed("Home", "http://m.example/home.mp3"),
        "https://home.example/my.opml": Page("<opml><outline xmlUrl='//home.example/f'/><outline xmlUrl='g.example'/>"),
    }
    with archive.web(pages):
        found = archive.commands.run("parse", "-d", "2", "home.example", *OPTIONS)
        assert found.status == 0, found.err
        assert "http://m.example/home.mp3" in found.out
        listed = archive.commands.run("parse", "feed:https://home.example/my.opml", *OPTIONS)
        assert "https://g.example/" in listed.out
    assert "Traceback" not in found.err + listed.err
