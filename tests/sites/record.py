"""The saved input of the sites: which addresses, and how they are recorded, replayed and turned into expected items.

``python -m tests.sites.record`` records the cassettes from the sample site, ``--live`` those of RTHK's own addresses
from RTHK, ``--expected`` writes the items that the cassettes give now. tests/README.md says more.
"""

import argparse
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import requests
from betamax import Betamax
from scrapy.http import Headers, TextResponse
from scrapy.responsetypes import responsetypes

from podcrawler.items import Episode
from podcrawler.sites.direct import MEDIA_FILE
from podcrawler.sites.known import site_for
from podcrawler.store import sniff
from sample.server import SampleServer

CASSETTES = Path(__file__).parent.parent / "cassettes"


class Case(NamedTuple):
    """One page of one site: ``tests/cassettes/<site>-<name>.json`` gives ``tests/sites/<site>/<name>.json``."""

    site: str
    name: str
    address: str

    @property
    def expected(self) -> Path:
        return Path(__file__).parent / self.site / f"{self.name}.json"

    def replay(self) -> TextResponse:
        """The page as Scrapy gives it to a site, from the cassette alone."""
        answer = self._get(requests.Session(), "none")
        headers = Headers(dict(answer.headers))
        # As the download handler marks it, and the spider hands it over.
        is_media = sniff.is_media(answer.content[: sniff.HEAD], answer.headers["Content-Type"])
        kind = responsetypes.from_args(headers=headers, url=answer.url, body=answer.content)
        return (kind if issubclass(kind, TextResponse) else TextResponse)(
            answer.url,
            status=answer.status_code,
            headers=headers,
            body=answer.content,
            flags=[MEDIA_FILE] if is_media else [],
        )

    def record(self, session: requests.Session) -> None:
        self._get(session, "all").raise_for_status()

    def _get(self, session: requests.Session, mode: str) -> requests.Response:
        # Of files, not of pages: those are to be read in the cassette.
        options = {"record_mode": mode, "preserve_exact_body_bytes": self.site == "direct"}
        with Betamax(session, str(CASSETTES), options).use_cassette(f"{self.site}-{self.name}"):
            return session.get(self.address, timeout=30)


_RTHK = "http://podcast.rthk.hk/podcast"
CASES = [
    Case("rthk", "list", f"{_RTHK}/item_all.php?pid=287"),
    Case("rthk", "list-of-2012", f"{_RTHK}/item_all.php?pid=287&current_year=2012"),
    Case("rthk", "list-on-a-mirror", "http://mirror.example.org/rthk/item_all.php?pid=287"),
    Case("rthk", "episode", f"{_RTHK}/item_epi.php?pid=287&eid=20001"),
    Case("rthk", "episode-with-source", f"{_RTHK}/item_epi.php?pid=287&eid=20005"),
    Case("rthk", "episode-with-query", f"{_RTHK}/item_epi.php?pid=287&lang=zh-CN&eid=20004"),
    Case("rthk", "programme", f"{_RTHK}/item.php?pid=447"),
    Case("rthk", "xml", f"{_RTHK}/episodeList.php?pid=447&year=2020"),
    Case("rthk", "xml-page-2", f"{_RTHK}/episodeList.php?pid=447&year=2020&page=2"),
    Case("rthk", "xml-of-a-year", f"{_RTHK}/episodeList.php?pid=447&display=all&year=2020"),
    Case("feed", "rss", "http://feeds.example.com/feed.xml"),
    Case("feed", "atom", "http://feeds.example.com/atom.xml"),
    Case("apple-lookup", "podcast", "http://itunes.apple.com/lookup.json?id=123456789&entity=podcast"),
    Case("direct", "file", "http://media.example.com/talks/puddles.wav"),
    Case("directory", "apple", "http://podcasts.apple.com/us/podcast/little-rain-radio/id123456789/directory.html"),
    Case("opml", "subscriptions", "http://feeds.example.com/subscriptions.opml"),
    Case("web-page", "episode", "http://feeds.example.com/talk.html"),
    Case("web-page", "player", "http://feeds.example.com/player.html"),
    Case("web-page", "show", "http://feeds.example.com/show.html"),
]


def items(response: TextResponse) -> dict[str, Any]:
    """What podcrawler makes of a page, as JSON has it: the site, the listing, and on an episode's page the episode.

    Without what is empty: most pages tell few of the fields.
    """
    site = site_for(response)
    listing = asdict(site.parse_list(response))
    # What a feed asks of those who check it, tests/sites/test_asked.py has.
    listing.pop("asked", None)
    found: dict[str, Any] = {"site": site.name, "listing": listing}
    for eid in parse_qs(urlsplit(response.url).query).get("eid", []):
        found["episode"] = asdict(site.parse_episode(response, Episode(eid, "rthk-287", "")))
    copy: dict[str, Any] = _told(json.loads(json.dumps(found, default=_plain)))
    return copy


def _plain(value: Any) -> Any:
    """A date, or the packed episodes of a feed."""
    return value.isoformat() if isinstance(value, datetime) else list(map(asdict, value))


def _told(value: Any) -> Any:
    """The value without members that are empty, and the first version, because no page tells of versions."""
    if isinstance(value, dict):
        told = {key: member for key, member in value.items() if member not in (None, "", [])}
        return {key: _told(member) for key, member in told.items() if (key, member) != ("version", 1)}
    return [_told(element) for element in value] if isinstance(value, list) else value


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.sites.record", description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--live", action="store_true", help="record the pages of RTHK's own addresses from RTHK")
    choice.add_argument("--expected", action="store_true", help="write the items that the cassettes give now")
    arguments = parser.parse_args()
    if arguments.expected:
        for case in CASES:
            case.expected.parent.mkdir(exist_ok=True)
            text = json.dumps(items(case.replay()), ensure_ascii=False, indent=2)
            case.expected.write_text(f"{text}\n", encoding="utf-8")
    elif arguments.live:
        for case in CASES:
            if case.address.startswith(_RTHK):
                case.record(requests.Session())
    else:
        with SampleServer() as proxy:
            for case in CASES:
                session = requests.Session()
                session.proxies = {"http": proxy}
                case.record(session)


if __name__ == "__main__":
    main()
