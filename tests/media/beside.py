"""Feeds whose episodes name what belongs beside their files, and hosts that have it."""

import base64
import json
import zlib
from urllib.parse import urlencode

from podcrawler.store.sidecar import Sidecar, loads
from tests.changing_web import AUDIO, Web, feed
from tests.conftest import Commands
from tests.origin import RunningOrigin
from tests.stand_in import Page

PICTURE = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256)) * 8
TRANSCRIPT = b"WEBVTT\n\n00:00.000 --> 00:02.000\nHello there.\n"
CHAPTERS = json.dumps({"version": "1.2.0", "chapters": [{"startTime": 0, "title": "Begin"}]}).encode()
#: What a setting must say to have all of them.
ALL = ("-s", "PODCRAWLER_BESIDE=cover,transcripts,chapters")


def serving(origin: RunningOrigin, content: bytes, name: str = "1.bin", **query: object) -> str:
    """The address at which the origin has these bytes, in the way that ``query`` says."""
    packed = base64.b64encode(zlib.compress(content, 9)).decode()
    told = {"type": "application/octet-stream", "packed": packed, **query}
    return f"{origin.address}/bytes/{name}?{urlencode(told)}"


def item(title: str, enclosure: str, more: str) -> str:
    enclosure = enclosure.replace("&", "&amp;")
    file = f'<enclosure url="{enclosure}" type="audio/mpeg" length="1"/>'
    return f"<item><title>{title}</title><guid>{title.partition(' ')[0].lower()}</guid>{file}{more}</item>"


def cover(address: str) -> str:
    return f'<itunes:image href="{address.replace("&", "&amp;")}"/>'


def transcript(address: str, language: str = "", kind: str = "text/vtt") -> str:
    spoken = f' language="{language}"' if language else ""
    return f'<podcast:transcript url="{address.replace("&", "&amp;")}" type="{kind}"{spoken}/>'


def chapters(address: str) -> str:
    return f'<podcast:chapters url="{address.replace("&", "&amp;")}" type="application/json+chapters"/>'


def feed_of(*items: str) -> Page:
    return feed("Show", more="".join(items))


def asked(web: Web) -> list[str]:
    return [address for address, _ in web.asked if address != "/feed.xml"]


def everything(web: Web, audio: bytes | str = AUDIO.body) -> str:
    """An item whose audio, cover, transcripts and chapters the web has."""
    pages = {
        "/one.mp3": audio,
        "/one.jpg": PICTURE,
        "/zh.vtt": TRANSCRIPT,
        "/zh2.vtt": TRANSCRIPT + b"\n",
        "/one.srt": b"1\n00:00:00,000 --> 00:00:02,000\nHello.\n",
        "/one.html": b"<!doctype html><p>Hello.</p>",
        "/one.json": CHAPTERS,
    }
    web.pages |= {path: Page(content, "application/octet-stream") for path, content in pages.items()}
    at = web.address
    more = cover(f"{at}/one.jpg") + chapters(f"{at}/one.json")
    more += transcript(f"{at}/zh.vtt", "zh-Hant") + transcript(f"{at}/zh2.vtt", "zh-Hant")
    more += transcript(f"{at}/one.srt", kind="application/srt") + transcript(f"{at}/one.html", kind="text/html")
    return item("One more", f"{at}/one.mp3", more)


def told(fleet: Commands) -> Sidecar:
    """What the sidecar of the only media file tells."""
    (path,) = fleet.archive.glob("[!.]*/*.m*.json")
    return loads(path.read_bytes())


def beside(fleet: Commands) -> dict[str, bytes]:
    """What is in the folder of the only podcast beside its media file and what is always there."""
    always = (".mp3", ".mp3.json", "podcast.json", "manifest-sha256.txt", "events.jsonl")
    found = [path for path in fleet.archive.glob("[!.]*/*") if not path.name.endswith(always)]
    return {path.name: path.read_bytes() for path in found}
