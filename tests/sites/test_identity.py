"""Ids: always legal, and never changed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.sites.identity import episode_id, podcast_guid, podcast_id


@pytest.mark.parametrize(
    ("address", "guid"),
    [
        # The examples of the Podcasting 2.0 specification, podcast:guid.
        ("https://podnews.net/rss", "9b024349-ccf0-5f69-a609-6b82873eab3c"),
        ("podnews.net/rss", "9b024349-ccf0-5f69-a609-6b82873eab3c"),
        ("https://mp3s.nashownotes.com/pc20rss.xml", "917393e3-1b1e-5cef-ace4-edaa54e1f810"),
        ("http://mp3s.nashownotes.com/pc20rss.xml//", "917393e3-1b1e-5cef-ace4-edaa54e1f810"),
    ],
)
def test_a_computed_guid_is_that_of_the_specification(address: str, guid: str) -> None:
    assert podcast_guid(address) == guid


@pytest.mark.parametrize(
    ("title", "guid", "name"),
    [
        ("Harbour Nights", "9b024349-ccf0-5f69-a609-6b82873eab3c", "harbour-nights-9b024349"),
        ("Étés, été & co.", "9B024349-CCF0-5F69-A609-6B82873EAB3C", "etes-ete-co-9b024349"),
        ("港灣夜話", "9b024349-ccf0-5f69-a609-6b82873eab3c", "podcast-9b024349"),
        ("", "y0ur-gu1d-g035-h3r3", "podcast-f103916f"),
        ("x" * 80, "9b024349-ccf0-5f69-a609-6b82873eab3c", "x" * 51 + "-9b024349"),
    ],
)
def test_a_podcast_id_is_a_slug_and_the_start_of_the_guid(title: str, guid: str, name: str) -> None:
    assert podcast_id(title, guid) == name


@pytest.mark.parametrize(
    ("guid", "url", "name"),
    [
        ("rain-4", "http://m.example/a.mp3", "rain-4"),
        ("b2f7a0de-41d3-4c55-9f0e-6a8e3c1d2b04", "http://m.example/a.mp3", "b2f7a0de-41d3-4c55-9f0e-6a8e3c1d2b04"),
        ("x" * 41, "http://m.example/a.mp3", "3164596df4fdd018"),
        ("rain.4", "http://m.example/a.mp3", "a5c78803464b291e"),
        ("", "http://m.example/a.mp3?token=1#t=2", "190e8c8bb032e7fe"),
        ("", "http://m.example/a.mp3", "190e8c8bb032e7fe"),
    ],
)
def test_an_episode_id_is_the_guid_if_legal_else_a_digest(guid: str, url: str, name: str) -> None:
    assert episode_id(guid, url) == name


@given(guid=st.text(), path=st.text())
def test_an_episode_id_is_always_legal(guid: str, path: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", episode_id(guid, f"http://m.example/{path}"))


@given(title=st.text(), guid=st.text())
def test_a_podcast_id_is_always_legal(title: str, guid: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,60}", podcast_id(title, guid))
