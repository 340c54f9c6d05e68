"""The example of a site without code, RTHK's classic pages, against the site with code: both find the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from podcrawler.items import Episode
from podcrawler.sites.base import Listing
from podcrawler.sites.rthk import Rthk
from podcrawler.sites.toml import TomlSite
from tests.sites.record import CASES, Case

EXAMPLE = Path(__file__).parent.parent.parent / "sample" / "sites" / "rthk-classic.toml"
CLASSIC = [case for case in CASES if "item_all.php" in case.address or "item_epi.php" in case.address]
EPISODES = [case for case in CLASSIC if "item_epi.php" in case.address]


def without_guids(listing: Listing) -> Listing:
    """The site with code keeps no guid beside the id."""
    return replace(listing, episodes=[replace(episode, guid="") for episode in listing.episodes])


@pytest.mark.parametrize("case", CLASSIC, ids=lambda case: case.name)
def test_a_page_is_listed_alike(case: Case) -> None:
    page = case.replay()
    example, rthk = TomlSite.read(EXAMPLE), Rthk()
    assert example.matches(page)
    listing = example.parse_list(page)
    assert isinstance(listing, Listing)
    assert listing.episodes
    assert without_guids(listing) == rthk.parse_list(page)


@pytest.mark.parametrize("case", EPISODES, ids=lambda case: case.name)
def test_an_episode_is_completed_alike(case: Case) -> None:
    page = case.replay()
    listed = Episode("20001", "rthk-287", "")
    completed = TomlSite.read(EXAMPLE).parse_episode(page, listed)
    assert completed.enclosure
    assert completed == Rthk().parse_episode(page, listed)


def test_other_pages_are_not_taken() -> None:
    example = TomlSite.read(EXAMPLE)
    assert [case.name for case in CASES if example.matches(case.replay())] == [case.name for case in CLASSIC]
