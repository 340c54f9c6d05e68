"""Documents that were made to stop a reader, or to fill it: each with how its reading ends. What is hostile about how
they are sent is in hostile_answers.py.

Most are of some 120 KB, which is enough for what takes the square of the length to take minutes.
"""

import gzip
import json
from collections.abc import Callable
from typing import NamedTuple
from xml.sax.saxutils import escape

#: How a reading ends: ``listed`` and how many episodes are queued, or the kind of a failure and words of its sentence.
Ending = tuple[str, object]

SIZE = 120_000
FILE = "<enclosure url='http://127.0.0.1:9/1.mp3' type='audio/mpeg'/>"
ONE: Ending = ("listed", 1)
NONE: Ending = ("no-enclosures", "entr")
BROKEN: Ending = ("broken-feed", "not well-formed")
UNKNOWN: Ending = ("unknown-page", "neither a feed nor a page")
NO_FEED: Ending = ("no-feed", "without the address of a feed")
#: The page leads to where nobody is.
REFUSED: Ending = ("refused", "could not be connected to")
TIME: Ending = ("parse-time", "PODCRAWLER_PARSE_TIME")


class Document(NamedTuple):
    body: Callable[[], str | bytes]
    ending: Ending
    content_type: str = ""


def long(unit: str) -> str:
    return (unit * (SIZE // len(unit) + 1))[:SIZE]


def rss(inner: str, title: str = "T") -> str:
    spaces = "xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' xmlns:media='http://search.yahoo.com/mrss/'"
    space = "xmlns:podcast='https://podcastindex.org/namespace/1.0'"
    return f"<rss {spaces} {space}><channel><title>{title}</title>{inner}</channel></rss>"


def item(inner: str = "", title: str = "A", guid: str = "g") -> str:
    return f"<item><title>{title}</title><guid>{guid}</guid>{FILE}{inner}</item>"


def items(count: int, inner: str, file: str = FILE) -> str:
    return "".join(f"<item>{inner.format(n)}{file.format(n)}</item>" for n in range(count))


def json_feed(members: str) -> str:
    attachment = '"attachments": [{"url": "http://127.0.0.1:9/1.mp3"}]'
    return '{"version": "https://jsonfeed.org/version/1", "items": [{"id": "1", ' + f"{attachment}, {members}}}]}}"


_DATES = (
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "Mon, 01 Jan 2024 00:00:00 +99999999",
    "Jan " * 20_000,
    "Mon, 1 Jan 2024 " + "(" * 50_000,
    "2024-01-01T00:00:00." + "9" * 50_000 + "Z",
)


def many(form: str, count: int) -> str:
    return "".join(form.format(number) for number in range(count))


def _text_everywhere(unit: str) -> str:
    """A feed of one entry that has the text in every field that is read of it."""
    text = escape(long(unit), {"'": "&apos;"})
    names = "description itunes:summary itunes:author author itunes:keywords podcast:season podcast:person pubDate"
    fields = "".join(f"<{name}>{text}</{name}>" for name in f"{names} itunes:duration link category".split())
    attributes = f"<podcast:images srcset='{text}'/><podcast:transcript url='{text}' type='{text}'/>"
    return rss(item(fields + attributes, title=text), title=text)


#: What texts are made of, again and again.
UNITS = {
    "blanks": " ",
    "line breaks": "\n",
    "less-than": "<",
    "comments": "<!--",
    "comments that close": "<!-- >",
    "ampersands": "&",
    "references": "&#1",
    "references of many digits": "9",
    "brackets": "[",
    "combining marks": "\u0301",
    "jamo": "\u1100",
    "quotes": '"',
    "beginnings of CDATA": "<![CDATA[",
    "ends of CDATA": "]]>",
    "beginnings of tags": "<a ",
    "beginnings of paragraphs": "<p>",
    "letters": "x",
    "colons": "x:",
    "emoji": "\U0001f600",
    "at signs": "@",
    "slashes": "/",
}


def _in_feed(unit: str) -> Document:
    return Document(lambda: _text_everywhere(unit), ONE)


IN_FEEDS = {f"a feed full of {name}": _in_feed(unit) for name, unit in UNITS.items()}
FEEDS: dict[str, Document] = {
    "tags in tags": Document(lambda: rss("<x>" * 10_000 + "</x>" * 10_000 + item()), ONE),
    "tags in tags without ends": Document(
        lambda: "<rss><channel>" + "<x>" * 20_000 + "<title>" * 20_000 + item(), BROKEN
    ),
    "entries in entries": Document(lambda: "<rss><channel>" + "<item>" * 5_000, NONE),
    "ends without beginnings": Document(lambda: "<rss><channel>" + "</rss>" * 20_000 + item(), ONE),
    "a CDATA that never closes": Document(lambda: "<rss><channel>" + "<![CDATA[" * 20_000 + "]]>" + item(), ONE),
    "many attributes": Document(lambda: rss("<item" + many(" a{}='1'", 10_000) + f">{FILE}</item>"), ONE),
    # libxml2 takes the square of their number.
    "half a million attributes of an entry": Document(
        lambda: rss("<item" + many(" a{}='1'", 500_000) + f">{FILE}</item>"), TIME
    ),
    "an attribute of a long name": Document(lambda: rss(f"<item x=1 {long('y')}>{FILE}</item>"), ONE),
    "entities": Document(
        lambda: (
            "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'>"
            + "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(20))
            + f"]><rss><channel><title>&a20;</title>{item('<description>&a20;</description>')}</channel></rss>"
        ),
        ONE,
    ),
    "a large entity again and again": Document(
        lambda: (
            f"<!DOCTYPE r [<!ENTITY a '{'a' * 40_000}'>]>"
            f"<rss><channel><title>{'&a;' * 20_000}</title>{item()}</channel></rss>"
        ),
        ONE,
    ),
    "one guid for all": Document(lambda: rss(items(5_000, "<guid>1</guid>")), ONE),
    "one guid for many files": Document(
        lambda: rss(items(5_000, "<guid>1</guid>", "<enclosure url='http://127.0.0.1:9/{}.mp3'/>")), ("listed", 5_000)
    ),
    "a reference of many digits": Document(
        lambda: rss(
            item(
                f"<description>&amp;#{'9' * 5_000};</description><itunes:summary>&amp;#{'8' * 5_000};</itunes:summary>"
            )
        ),
        ONE,
    ),
    "many files": Document(
        lambda: rss(
            "<item><guid>1</guid>" + many("<media:content url='http://127.0.0.1:9/{}.mp3'/>", 20_000) + "</item>"
        ),
        ONE,
    ),
    "many persons": Document(
        lambda: rss(item("".join(f"<podcast:person>p{n}</podcast:person>" for n in range(20_000)))), ONE
    ),
    "many namespaces": Document(
        lambda: "<rss" + many(" xmlns:a{0}='u{0}'", 5_000) + f"><channel>{item()}</channel></rss>", ONE
    ),
    "comments before the root": Document(lambda: "<!-- x -->" * 5_000 + rss(item()), ONE),
    "channels that are none": Document(lambda: "<channel> " * 20_000, UNKNOWN),
    "an encoding for parts of texts": Document(
        lambda: b"<?xml version='1.0' encoding='punycode'?><rss><channel>\xff" + item().encode(), ONE
    ),
    "an encoding that is none": Document(lambda: f"<?xml version='1.0' encoding='{'x' * 50_000}'?>{rss(item())}", ONE),
    "a gzip file that grows": Document(lambda: gzip.compress(b"<rss><channel>" + b" " * 20_000_000), BROKEN),
    "a gzip file of empty members": Document(lambda: gzip.compress(b"") * 20_000, UNKNOWN),
    "an address of a long host": Document(
        lambda: rss(f"<item><enclosure url='http://{long(chr(0x1100))}/1.mp3'/></item>"),
        ("no-enclosures", "8,000 characters"),
    ),
    "a long address": Document(
        lambda: rss(f"<item><enclosure url='http://127.0.0.1:9/{long('x')}.mp3'/></item>"),
        ("no-enclosures", "8,000 characters"),
    ),
    "a long guid": Document(lambda: rss(item(guid=long("x"))), ("no-enclosures", "8,000 characters")),
    "JSON in JSON": Document(lambda: '{"version": "https://jsonfeed.org/version/1", "items": ' + "[" * 100_000, BROKEN),
    "JSON with a number of many digits": Document(lambda: json_feed(f'"size": {"9" * 400_000}'), BROKEN),
    "JSON with numbers that are none": Document(
        lambda: json_feed('"duration": NaN, "size_in_bytes": -1e9999, "season": Infinity'), ONE
    ),
    "JSON of surrogates": Document(lambda: json_feed('"title": "' + "\\ud800" * 20_000 + '"'), ONE),
    "JSON of surrogates in front": Document(
        lambda: json_feed('"x": 1').replace('"items"', '"title": "\\udfff", "description": "\\ud800", "items"'), ONE
    ),
    "JSON in JSON of an entry": Document(lambda: json_feed('"x": ' + '{"a":' * 100_000 + "}" * 100_000), BROKEN),
    "JSON of one member again and again": Document(lambda: json_feed('"items": [], ' * 20_000 + '"x": 1'), ONE),
    "JSON of entries that are none": Document(
        lambda: '{"version": "https://jsonfeed.org/version/1", "items": [' + "null," * 20_000 + "[]]}", NONE
    ),
    "a file of this machine as an entity": Document(
        lambda: f"<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{rss(item(title='&x;'), title='&x;')}", ONE
    ),
    "a DTD of another host": Document(lambda: f"<!DOCTYPE rss SYSTEM 'http://127.0.0.1:9/x.dtd'>{rss(item())}", ONE),
    "entities of the DTD": Document(
        lambda: f"<!DOCTYPE r [<!ENTITY % a 'x'><!ENTITY % b '{'%a;' * 999}'>{'%b;' * 999}]>{rss(item())}", ONE
    ),
    "entities in a circle": Document(
        lambda: f"<!DOCTYPE r [<!ENTITY a '&b;'><!ENTITY b '&a;'>]>{rss(item(title='&a;'))}", ONE
    ),
    "a DTD of defaults": Document(
        lambda: "<!DOCTYPE rss [<!ATTLIST item" + many(" a{} CDATA 'x'", 2_000) + f">]>{rss(item() * 200)}", ONE
    ),
    "a DOCTYPE that never ends": Document(lambda: "<!DOCTYPE " + long("["), UNKNOWN),
    "an instruction that never ends": Document(lambda: "<?xml " + long("x"), UNKNOWN),
    "instructions before the root": Document(lambda: "<?xml-stylesheet href='x.xsl'?>" * 2_000 + rss(item()), ONE),
    "a file of this machine as an inclusion": Document(
        lambda: rss(
            "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='file:///etc/passwd' parse='text'/>" + item()
        ),
        ONE,
    ),
    "an attribute of ten million characters": Document(
        lambda: rss(f"<item x='{'y' * 10_000_000}'>{FILE}</item>"), BROKEN
    ),
    "a title of eleven million characters": Document(lambda: rss(item(title="y" * 11_000_000)), NONE),
    "names without namespaces": Document(lambda: rss(f"<item>{many('<a{0}:b/>', 10_000)}{FILE}</item>"), ONE),
    "namespaces in namespaces": Document(lambda: "<rss>" + many("<a{0} xmlns:b='u{0}'>", 20_000) + item(), BROKEN),
    "a date of the year 99999": Document(
        lambda: rss(item("<pubDate>Fri, 31 Dec 99999 23:59:59 GMT</pubDate>" * 500)), ONE
    ),
    "dates beyond the calendar": Document(
        lambda: rss(
            "".join(
                f"<item><guid>{number}</guid><pubDate>{date}</pubDate><enclosure url='http://127.0.0.1:9/{number}'/></item>"
                for number, date in enumerate(_DATES)
            )
        ),
        ("listed", 7),
    ),
    "a duration of many digits": Document(
        lambda: rss(item(f"<itunes:duration>{'9' * 50_000}:{'9' * 50_000}</itunes:duration>")), ONE
    ),
    "a size of many digits": Document(
        lambda: rss(f"<item><enclosure url='http://127.0.0.1:9/1.mp3' length='{long('9')}'/></item>"), ONE
    ),
    "numbers of many digits": Document(
        lambda: rss(
            item(
                f"<itunes:season>{long('9')}</itunes:season><podcast:location geo='geo:{long('9')},1'/>"
                f"<podcast:soundbite startTime='1e999' duration='{long('9')}'/>"
            )
        ),
        ONE,
    ),
    "a title that is turned around": Document(lambda: rss(item(title=long("\u202e\u2066x")), title="\u202ex"), ONE),
    "a title of NULs": Document(lambda: rss(item(title="A\0B" * 40_000)), ONE),
    "a title of surrogates": Document(
        lambda: rss(item(title="\ud800\udfff" * 20_000)).encode("utf-8", "surrogatepass"), ONE
    ),
    "references to what is no character": Document(lambda: rss(item(title="&#0;&#xD800;&#x110000;" * 5_000)), ONE),
    "nothing but NULs": Document(lambda: bytes(SIZE), ("unknown-page", "nothing but zeros")),
    "nothing but byte order marks": Document(lambda: b"\xef\xbb\xbf" * 40_000, UNKNOWN),
    "bytes that begin no character": Document(
        lambda: b"<rss><channel><title>" + b"\xff\xc0\xbc" * 40_000 + b"</title>" + item().encode(), ONE
    ),
    "UTF-16 without a mark": Document(lambda: rss(item()).encode("utf-16-be"), ONE),
    "UTF-16 that is none": Document(lambda: f"<?xml version='1.0' encoding='utf-16'?>{rss(item())}", ONE),
    "UTF-16 that breaks off": Document(lambda: rss(item()).encode("utf-16")[:-1], ONE),
    "UTF-32": Document(lambda: rss(item()).encode("utf-32"), ONE),
    "UTF-7": Document(lambda: "<?xml version='1.0' encoding='utf-7'?>" + rss(item()).replace("<", "+ADw-"), UNKNOWN),
    "escapes of a character set": Document(
        lambda: (
            b"<?xml version='1.0' encoding='iso-2022-jp'?><rss><channel><title>"
            + b"\x1b$B\x1b(B" * 20_000
            + b"</title>"
            + item().encode()
        ),
        ONE,
    ),
    "a gzip file in gzip files": Document(
        lambda: gzip.compress(gzip.compress(gzip.compress(rss(item()).encode()))), UNKNOWN
    ),
    "a gzip file of a long name": Document(lambda: b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"x" * 1_000_000, UNKNOWN),
    "chapters and transcripts": Document(
        lambda: rss(
            item(
                "<psc:chapters xmlns:psc='http://podlove.org/simple-chapters'>"
                + "<psc:chapter start='99:99:99.'/>" * 20_000
                + "</psc:chapters>"
                + many("<podcast:transcript url='/{}' type='x'/>", 10_000)
            )
        ),
        ONE,
    ),
    "an address of escapes": Document(
        lambda: rss(f"<item><enclosure url='http://127.0.0.1:9/{'%' * 7_900}.mp3'/></item>"), ONE
    ),
    "JSON of long texts": Document(
        lambda: json.dumps(
            {
                "version": "https://jsonfeed.org/version/1",
                "title": long("\u0301"),
                "items": [
                    {
                        "id": "1",
                        "title": long("\u0301"),
                        "content_html": long("&#1"),
                        "attachments": [{"url": "http://127.0.0.1:9/1.mp3", "mime_type": long("x")}],
                    }
                ],
            }
        ),
        ONE,
    ),
    "JSON of many members": Document(
        lambda: json.dumps(
            {
                "version": "https://jsonfeed.org/version/1",
                "items": [
                    {
                        "id": "1",
                        "_podcast": {f"a{n}": {"b": "c"} for n in range(20_000)},
                        "attachments": [{"url": "http://127.0.0.1:9/1.mp3"}],
                    }
                ],
            }
        ),
        ONE,
    ),
}
#: What the code of a site of the user's does with them (test_hostile.py): by the path of the address.
CODE: dict[str, Document] = {
    "site/loops": Document(lambda: "x", TIME),
    "site/holds-the-lock": Document(lambda: "x", TIME),
    "site/crashes": Document(lambda: "x", ("unreadable", "was ended by SIGSEGV")),
    "site/is-killed": Document(lambda: "x", ("unreadable", "was ended by SIGKILL")),
    "site/exits": Document(lambda: "x", ("unreadable", "ended with status 3")),
    "site/fills-memory": Document(lambda: "x", ("too-large", "MB of memory")),
    "site/recurses": Document(lambda: "x", ("error", "RecursionError")),
    "site/fails": Document(lambda: "x", ("error", "ZeroDivisionError")),
    "site/lists": Document(lambda: "x", ONE),
}
