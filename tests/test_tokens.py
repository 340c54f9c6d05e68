"""Which addresses are taken for secret ones."""

import pytest

from podcrawler.tokens import is_secret, without_tokens

PUBLIC = [
    "https://feeds.simplecast.com/54nAGcIl",
    "https://feeds.megaphone.fm/ADL9840290619",
    "https://www.omnycontent.com/d/playlist/e73c998e-6e60-432f-8610-ae210140c5b1/podcast.rss",
    "https://feeds.acast.com/public/shows/5e7b777ba085cbe7192b0607",
    "https://rss.castbox.fm/everest/51d7ba4865404a0ba83d50c9d3dfcc91.xml",
    "https://feeds.npr.org/510289/podcast.xml",
    "https://podcast.rthk.hk/podcast/item_all.php?pid=287",
    "https://feeds.soundcloud.com/users/soundcloud:users:123456789/sounds.rss",
    "https://feeds.fireside.fm/TheJoeRoganExperiencePodcastHour/rss",
    "https://podcasts.apple.com/us/podcast/the-daily-show-ears-edition/id1334878780",
    "https://feeds.example.com/radiolab-2024-season-1-extra-long-slug-episode-7",
    "http://feeds.feedburner.com/dancarlin/history?format=xml",
    "https://example.com:8080/feed.xml?episodes=3&title=Good",
    "https://example.com/show?key=",
]
#: And as they are shown.
PRIVATE = [
    (
        "https://www.patreon.com/rss/show?auth=bhayN3s1RSvueU5arF0YCS41q-DiSuwj",
        "https://www.patreon.com/rss/show?auth=***",
    ),
    ("https://slate.example/content/eyJ0IjoicCIsImMiOiIxNDQiLCJ1IjoiMzA.rss", "https://slate.example/content/***.rss"),
    ("https://access.example.com/rss/5e7b777ba085/xyz12Kd83hsGa7q2", "https://access.example.com/rss/5e7b777ba085/***"),
    (
        "https://api.example.com/feed/1/0ab12c34-1234-4abc-9def-0123456789ab.rss",
        "https://api.example.com/feed/1/***.rss",
    ),
    ("https://example.com/feed/3f9c0d12ab45ef67?x=1", "https://example.com/feed/***?x=1"),
    ("https://example.com/rss?user_token=abc&x=1", "https://example.com/rss?user_token=***&x=1"),
    ("https://example.com/public/rss?x=1;PassWord=abc", "https://example.com/public/rss?x=1;PassWord=***"),
    ("https://example.com/feed.php?id=aB3dE5fG7hI9jK1l", "https://example.com/feed.php?id=***"),
    ("https://example.com/?aB3dE5fG7hI9jK1l", "https://example.com/?***"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_stays_as_it_is(address: str) -> None:
    assert without_tokens(address) == address
    assert not is_secret(address)


@pytest.mark.parametrize(("address", "shown"), PRIVATE)
def test_a_token_is_masked(address: str, shown: str) -> None:
    assert without_tokens(address) == shown
    assert is_secret(address)
    assert not is_secret(shown)
