"""Published feeds as tests read them."""

from pathlib import Path
from typing import Any

from lxml import etree

from podcrawler.publish.elements import NAMESPACES
from tests.conftest import Commands, Result

BASE = "https://example.com/my%20archive/"
SHOW = "show-0a1b2c3d"


def publish(commands: Commands, *words: str, base: str = BASE, status: int = 0) -> Result:
    """Run ``publish`` with feeds."""
    ended = commands.run("publish", "--base-url", base, *words)
    assert (ended.status, "Traceback" in ended.err) == (status, False), ended.out + ended.err
    return ended


def channel(path: Path) -> Any:
    """The channel of a feed."""
    root = etree.parse(str(path), etree.XMLParser(resolve_entities=False)).getroot()
    assert root.tag == "rss"
    (found,) = root.findall("channel")
    return found


def texts(element: Any, path: str) -> list[str]:
    return [found.text or "" for found in element.findall(path, NAMESPACES)]


def attributes(element: Any, path: str) -> list[dict[str, str]]:
    return [dict(found.attrib) for found in element.findall(path, NAMESPACES)]


def links(element: Any) -> dict[str, str]:
    """The addresses that a channel links to, by relation."""
    return {one["rel"]: one["href"].removeprefix(f"{BASE}{SHOW}/") for one in attributes(element, "atom:link")}
