"""Entries that share a guid, a file, or both; and titles."""

from podcrawler.sites.cause import Cause
from tests.sites.corpus.case import Case, Expected, Left, digest, enclosure, item, rss

_TEA = "http://m.example/tea.mp3"
_OTHER = "http://m.example/other.mp3"
_TWIN = digest("tea\n/other.mp3")
_PLAIN = digest(_TEA)


def _get(number: int, more: str = "", *, title: str | None = None) -> str:
    return item("tea", guid="", title=title, file=enclosure(f"http://m.example/get?n={number}{more}"))


def _get_id(number: int) -> str:
    return digest(f"{digest('http://m.example/get')}\n/get?n={number}")


def _title(name: str, given: str, seen: str) -> Case:
    return Case(f"title-{name}", rss(item(title=given)), [Expected(title=seen)])


_FIRST, _SECOND = "Mon, 01 Feb 2021 00:00:00 GMT", "Tue, 02 Feb 2021 00:00:00 GMT"
CASES = [
    Case(
        "one-guid-two-files",
        rss(item("tea", file=enclosure(_OTHER)), item("tea")),
        [Expected(), Expected(_TWIN, url=_OTHER)],
    ),
    Case(
        "one-guid-two-files-with-dates",
        rss(item("tea", date=_FIRST), item("tea", file=enclosure(_OTHER), date=_SECOND)),
        [Expected(), Expected(_TWIN, url=_OTHER)],
    ),
    Case(
        "one-guid-three-files",
        rss(item("tea", file=enclosure(f"{_OTHER}?v=2")), item("tea", file=enclosure(_OTHER)), item("tea")),
        [Expected(), Expected(_TWIN, url=_OTHER), Expected(digest("tea\n/other.mp3?v=2"), url=f"{_OTHER}?v=2")],
    ),
    Case("one-guid-one-file", rss(item(), item(title="Tea again")), left_out=[Left(Cause.DUPLICATE, "Tea again")]),
    Case(
        "one-guid-one-file-by-another-way",
        rss(item(), item(file=enclosure("https://track.example/r/cdn.example/tea.mp3?token=5"))),
        left_out=[Left(Cause.DUPLICATE)],
    ),
    Case(
        "one-guid-that-is-no-id",
        rss(item(guid="<guid>a b</guid>", file=enclosure(_OTHER)), item(guid="<guid>a b</guid>")),
        [Expected(digest("a b")), Expected(digest(f"{digest('a b')}\n/other.mp3"), url=_OTHER)],
    ),
    Case("two-guids-one-file", rss(item("rain", file=enclosure(_TEA)), item()), [Expected(), Expected("rain", "Rain")]),
    Case(
        "guids-that-differ-in-case",
        rss(item("Tea"), item("tea")),
        [Expected(), Expected("Tea", "Tea", "http://m.example/Tea.mp3")],
    ),
    Case(
        "no-guid-queries-that-differ",
        rss(_get(3), _get(2), _get(1)),
        [
            Expected(digest("http://m.example/get"), url="http://m.example/get?n=1"),
            Expected(_get_id(2), url=None),
            Expected(_get_id(3), url=None),
        ],
    ),
    Case(
        "no-guid-queries-that-differ-in-a-token",
        rss(_get(1, "&amp;token=a"), _get(1, "&amp;token=b", title="Tea again")),
        [Expected(digest("http://m.example/get"), "Tea", None)],
        [Left(Cause.DUPLICATE, "Tea again")],
    ),
    Case(
        "no-guid-parts-of-a-name-behind-a-hash",
        rss(
            item(guid="", file=enclosure("http://m.example/Tea #2.mp3")),
            item(guid="", file=enclosure("http://m.example/Tea #1.mp3")),
        ),
        [
            Expected(digest("http://m.example/Tea "), url="http://m.example/Tea #1.mp3"),
            Expected(digest(f"{digest('http://m.example/Tea ')}\n/Tea #2.mp3"), url="http://m.example/Tea #2.mp3"),
        ],
    ),
    Case(
        "no-guid-one-address-for-each-week",
        rss(item("tea", guid="", title="Second", date=_SECOND), item("tea", guid="", title="First", date=_FIRST)),
        [Expected(_PLAIN, "First"), Expected(digest(f"{_PLAIN}\n/tea.mp3"), "Second")],
    ),
    Case(
        "no-guid-one-address-for-three-weeks",
        rss(
            item("tea", guid="", title="Third", date="Wed, 03 Feb 2021 00:00:00 GMT"),
            item("tea", guid="", title="Second", date=_SECOND),
            item("tea", guid="", title="First", date=_FIRST),
        ),
        [
            Expected(_PLAIN, "First"),
            Expected(digest(f"{_PLAIN}\n/tea.mp3"), "Second"),
            Expected(digest(f"{_PLAIN}\n/tea.mp3\nThird\n2021-02-03T00:00:00+00:00"), "Third"),
        ],
    ),
    Case(
        "no-guid-the-same-twice",
        rss(item(guid="", date=_FIRST), item(guid="", date=_FIRST)),
        [Expected(_PLAIN)],
        [Left(Cause.DUPLICATE)],
    ),
    Case(
        "guid-of-another-twin",
        rss(item(_TWIN, file=enclosure("http://m.example/a.mp3")), item("tea", file=enclosure(_OTHER)), item("tea")),
        [
            Expected(),
            Expected(digest("tea\n/other.mp3\nTea\n"), url=_OTHER),
            Expected(_TWIN, None, "http://m.example/a.mp3"),
        ],
    ),
    Case("guid-that-is-long", rss(item(guid=f"<guid>{'x' * 500}</guid>")), [Expected(digest("x" * 500))]),
    Case("guid-with-a-line-break", rss(item(guid="<guid>a\nb</guid>")), [Expected(digest("a\nb"))]),
    _title("escaped-twice", "Tea &amp;amp; rain", "Tea & rain"),
    _title("escaped-thrice", "Tea &amp;amp;amp; rain", "Tea & rain"),
    _title("quotes-escaped-twice", "&amp;#8220;Tea&amp;#8221; &amp;quot;x&amp;quot; &amp;eacute;", '“Tea” "x" é'),
    _title("entities-in-cdata", "<![CDATA[Tea &amp; rain&#8217;s]]>", "Tea & rain’s"),
    _title("tags-in-cdata", "<![CDATA[<i>Tea</i> by <b class='x'>Rain</b>]]>", "Tea by Rain"),
    _title("tags-escaped-twice", "&amp;lt;i&amp;gt;Tea&amp;lt;/i&amp;gt;", "Tea"),
    _title("line-break-of-html", "Tea&lt;br/&gt;Rain", "Tea Rain"),
    _title("less-than", "a &lt; b &gt; c", "a < b > c"),
    _title("less-than-without-space", "1&lt;2", "1<2"),
    _title("in-angle-brackets", "&lt;Tea&gt; live", "<Tea> live"),
    _title("ampersand", "AT&amp;T R&amp;D", "AT&T R&D"),
    _title("ampersand-and-semicolon", "Q&amp;A; tea", "Q&A; tea"),
    _title("link", "&lt;a href=&quot;http://x.example/&quot;&gt;Tea&lt;/a&gt;", "Tea"),
    _title("that-tells-of-a-tag", "The &amp;lt;br&amp;gt; tag", "The <br> tag"),
    _title("long", "x" * 5000, "x" * 1000),
    _title("empty-cdata", "<![CDATA[ ]]>", ""),
    _title("lines", "Tea\n\tand   rain", "Tea and rain"),
]
