"""Every site against its saved pages."""

import json

import pytest
from scrapy.http import TextResponse

from podcrawler.exceptions import ListingError
from podcrawler.sites.known import all_sites, site_for
from tests.sites.record import CASES, Case, items


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.site}-{case.name}")
def test_a_saved_page_gives_the_expected_items(case: Case) -> None:
    expected = json.loads(case.expected.read_text(encoding="utf-8"))
    assert items(case.replay()) == expected
    assert expected["site"] == case.site


def test_every_site_has_saved_pages() -> None:
    assert {site.name for site in all_sites()} == {case.site for case in CASES}


def test_a_site_that_knows_addresses_is_asked_before_one_that_takes_any() -> None:
    generic = [site.generic for site in all_sites()]
    assert generic == sorted(generic)
    assert any(generic)


def test_an_unknown_page_is_refused_with_a_remedy() -> None:
    page = TextResponse("http://a.example/", body=b"Hello, this is no page.")
    with pytest.raises(ListingError, match="give the address of the podcast's RSS or Atom feed") as refused:
        site_for(page)
    assert refused.value.kind == "unknown-page"
