"""Which file of an entry is the episode, what is none, and what becomes of odd addresses."""

from podcrawler.sites.cause import Cause
from tests.sites.corpus.case import Case, Expected, Left, digest, enclosure, item, rss

_TEA = "http://m.example/tea.mp3"
_HERE = "http://feeds.example.com/shows/"


def _chosen(name: str, *files: tuple[str, str], url: str = _TEA) -> Case:
    """A case of one entry with these files, of which the one at ``url`` is taken."""
    return Case(name, rss(item(file="".join(enclosure(*file) for file in files))), [Expected(url=url)])


def _none(name: str, cause: Cause, named: str, file: str, id: str = "") -> Case:  # noqa: A002
    """A case of two entries, of which the one with this file is left out."""
    return Case(
        name, rss(item("rain"), item(file=file)), [Expected("rain", "Rain", None)], [Left(cause, named=named, id=id)]
    )


def _bad(name: str, address: str, named: str = "") -> Case:
    return _none(f"bad-address-{name}", Cause.BAD_ADDRESS, named or address, enclosure(address), "tea")


def _mended(name: str, address: str, url: str) -> Case:
    return Case(f"address-{name}", rss(item(file=enclosure(address))), [Expected(url=url)])


CASES = [
    *(
        _chosen(f"type-{media_type or 'none'}", (_TEA, media_type))
        for media_type in (
            "",
            "mp3",
            "audio",
            "file",
            "Audio/MPEG",
            "audio/mpeg; charset=x",
            "application/octet-stream",
            "x",
        )
    ),
    _chosen("picture-before-audio", ("http://m.example/tea.jpg", "image/jpeg"), (_TEA, "audio/mpeg")),
    _chosen("picture-without-type-before-audio", ("http://m.example/tea.jpg", ""), (_TEA, "")),
    _chosen("video-before-audio", ("http://m.example/tea.mp4", "video/mp4"), (_TEA, "audio/mpeg")),
    _chosen("video-without-type-before-audio", ("http://m.example/tea.m4v", ""), (_TEA, "")),
    _chosen(
        "unknown-before-video",
        ("http://m.example/tea", ""),
        ("http://m.example/tea.mp4", ""),
        url="http://m.example/tea.mp4",
    ),
    _chosen(
        "document-before-unknown",
        ("http://m.example/tea.pdf", ""),
        ("http://m.example/tea", ""),
        url="http://m.example/tea",
    ),
    _chosen("playlist-before-audio", ("http://m.example/tea.m3u", "audio/mpeg"), (_TEA, "audio/mpeg")),
    _chosen("first-of-two-audio-files", (_TEA, "audio/mpeg"), ("http://m.example/tea.ogg", "audio/ogg")),
    _chosen("audio-that-is-called-a-picture", (_TEA, "image/jpeg")),
    _chosen("audio-that-is-called-text", (_TEA, "text/plain")),
    _chosen("mp4-that-is-audio", ("http://m.example/tea.mp4", "audio/mp4"), url="http://m.example/tea.mp4"),
    _chosen("mp3-that-is-called-a-video", ("http://m.example/tea.m4v", ""), (_TEA, "video/mpeg")),
    _chosen(
        "script-that-names-its-file",
        ("http://m.example/get.php?file=tea.mp3", ""),
        url="http://m.example/get.php?file=tea.mp3",
    ),
    _chosen("script-that-names-nothing", ("http://m.example/get.php?n=1", ""), url="http://m.example/get.php?n=1"),
    _chosen("name-with-escapes", ("http://m.example/tea%2Emp3", ""), url="http://m.example/tea%2Emp3"),
    Case("same-file-twice", rss(item(file=enclosure(_TEA) * 2))),
    _none("picture", Cause.NOT_MEDIA, "image/jpeg", enclosure("http://m.example/tea.jpg", "image/jpeg")),
    _none(
        "picture-without-type", Cause.NOT_MEDIA, "http://m.example/tea.jpg", enclosure("http://m.example/tea.jpg", "")
    ),
    _none(
        "picture-of-unknown-type",
        Cause.NOT_MEDIA,
        "http://m.example/tea.png",
        enclosure("http://m.example/tea.png", "application/octet-stream"),
    ),
    _none("document", Cause.NOT_MEDIA, "application/pdf", enclosure("http://m.example/tea.pdf", "application/pdf")),
    _none("e-book", Cause.NOT_MEDIA, "http://m.example/tea.epub", enclosure("http://m.example/tea.epub", "file")),
    _none(
        "torrent",
        Cause.NOT_MEDIA,
        "application/x-bittorrent",
        enclosure("http://m.example/tea", "application/x-bittorrent"),
    ),
    _none(
        "torrent-of-audio",
        Cause.NOT_MEDIA,
        "http://m.example/tea.mp3.torrent",
        enclosure("http://m.example/tea.mp3.torrent"),
    ),
    _none("playlist", Cause.NOT_MEDIA, "audio/x-mpegurl", enclosure("http://m.example/tea", "audio/x-mpegurl")),
    _none("playlist-of-hls", Cause.NOT_MEDIA, "http://m.example/tea.m3u8", enclosure("http://m.example/tea.m3u8")),
    _none("web-page", Cause.NOT_MEDIA, "text/html", enclosure("http://m.example/tea", "text/html")),
    _none("subtitles", Cause.NOT_MEDIA, "http://m.example/tea.vtt", enclosure("http://m.example/tea.vtt", "")),
    _none("no-enclosure", Cause.NO_MEDIA, "", ""),
    _none("empty-enclosure", Cause.NO_MEDIA, "", "<enclosure/>"),
    _none("empty-address", Cause.NO_MEDIA, "", enclosure(" ")),
    _bad("misspelt", "htp://m.example/tea.mp3"),
    _bad("ftp", "ftp://m.example/tea.mp3"),
    _bad("file", "file:///tea.mp3"),
    _bad("script", "javascript:tea()"),
    _bad("data", "data:audio/mpeg;base64,AAAA"),
    _bad("no-host", "http://"),
    _bad("half-a-host", "http://[::1/tea.mp3"),
    _bad("no-port", "http://m.example:99999/tea.mp3"),
    _bad("long", "htp://m.example/" + "x" * 500, ("htp://m.example/" + "x" * 500)[:200]),
    Case(
        "bad-address-without-guid",
        rss(item("rain"), item(guid="", file=enclosure("htp://m.example/tea.mp3?a=1"))),
        [Expected("rain", None, None)],
        [Left(Cause.BAD_ADDRESS, named="htp://m.example/tea.mp3?a=1", id=digest("htp://m.example/tea.mp3"))],
    ),
    Case(
        "bad-addresses-alone",
        rss(item(file=enclosure("htp://m.example/tea.mp3"))),
        [],
        [Left(Cause.BAD_ADDRESS, id="tea")],
    ),
    Case("bad-address-beside-a-good-one", rss(item(file=enclosure("htp://m.example/tea.mp3") + enclosure(_TEA)))),
    Case(
        "bad-address-beside-a-picture",
        rss(item(file=enclosure("htp://m.example/tea.mp3") + enclosure("tea.jpg", ""))),
        [],
        [Left(Cause.BAD_ADDRESS, id="tea")],
    ),
    _mended("with-spaces", "http://m.example/green tea.mp3", "http://m.example/green tea.mp3"),
    _mended("with-space-around", "\n  http://m.example/tea.mp3\t ", _TEA),
    _mended("with-invisible-characters-around", "\u200b http://m.example/tea.mp3\ufeff\u200e", _TEA),
    _mended("with-line-breaks", "http://m.example/&#10;tea.mp3", _TEA),
    _mended("escaped-twice", "http://m.example/tea.mp3?a=1&amp;amp;b=2", "http://m.example/tea.mp3?a=1&b=2"),
    _mended("escaped-thrice", "http://m.example/tea.mp3?a=1&amp;amp;amp;b=2", "http://m.example/tea.mp3?a=1&b=2"),
    _mended("escaped-with-numbers", "http://m.example/tea.mp3?a=1&amp;#038;b=2", "http://m.example/tea.mp3?a=1&b=2"),
    _mended(
        "with-escapes",
        "http://m.example/a%2Fb%20c%c3%b8.mp3?d=e%2Bf+g",
        "http://m.example/a%2Fb%20c%c3%b8.mp3?d=e%2Bf+g",
    ),
    _mended(
        "with-an-address-in-it",
        "http://m.example/https%3A%2F%2Fx.example%2Fa.mp3",
        "http://m.example/https%3A%2F%2Fx.example%2Fa.mp3",
    ),
    _mended("in-other-letters", "http://m.example/th\u00e9.mp3", "http://m.example/th\u00e9.mp3"),
    _mended("without-scheme", "//m.example/tea.mp3", _TEA),
    _mended("with-two-schemes", "http://https://m.example/tea.mp3", "https://m.example/tea.mp3"),
    _mended("with-two-schemes-in-capitals", "HTTP://http:/m.example/tea.mp3", _TEA),
    _mended("without-scheme-but-www", "www.m.example:8000/tea.mp3", "http://www.m.example:8000/tea.mp3"),
    _mended("of-a-file-that-is-called-www", "www.tea.mp3", f"{_HERE}www.tea.mp3"),
    _mended("relative", "tea.mp3", f"{_HERE}tea.mp3"),
    _mended("relative-to-the-root", "/tea.mp3", "http://feeds.example.com/tea.mp3"),
    _mended("with-backslashes", r"http:\\m.example\tea.mp3", _TEA),
    _mended("with-one-slash", "http:/m.example/tea.mp3", _TEA),
    _mended("with-three-slashes", "https:///m.example/tea.mp3", "https://m.example/tea.mp3"),
    _mended("twice-a-scheme", "http://https://m.example/tea.mp3", "https://m.example/tea.mp3"),
    _mended("without-colon", "http//m.example/tea.mp3", _TEA),
    _mended("with-www-alone", "www.m.example/tea.mp3", "http://www.m.example/tea.mp3"),
    _mended("in-quotes", "&quot;http://m.example/tea.mp3&quot;", _TEA),
    _mended("in-angle-brackets", "&lt;http://m.example/tea.mp3&gt;", _TEA),
    _mended("in-cdata-that-was-escaped", "&lt;![CDATA[http://m.example/tea.mp3]]&gt;", _TEA),
    _mended("in-a-link", "&lt;a href='http://m.example/tea.mp3'&gt;Tea&lt;/a&gt;", _TEA),
    _mended("with-characters-that-are-not-seen", "\u200bhttp://m.example/tea.mp3\ufeff", _TEA),
    _mended("that-ends-in-a-quote", "http://m.example/tea.mp3?q=&quot;a&quot;", 'http://m.example/tea.mp3?q="a"'),
    _mended("in-capitals", "HTTP://M.EXAMPLE/Tea.MP3", "http://M.EXAMPLE/Tea.MP3"),
    Case("address-relative-to-the-base", rss(item(file=enclosure("tea.mp3")), root='rss xml:base="http://m.example/"')),
    Case(
        "address-relative-to-the-base-of-the-enclosure",
        rss(item(file='<enclosure xml:base="//m.example/" url="tea.mp3"/>'), root='rss xml:base="http://x.example/"'),
    ),
    Case("address-relative-to-a-bad-base", rss(item(file=enclosure(_TEA)), root='rss xml:base="http://["')),
]
