"""What a pasted text can mean as an address."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.addresses import candidates
from podcrawler.exceptions import AddressError

BOTH = ["https://example.com/feed", "http://example.com/feed"]
SECURE = ["https://example.com/feed"]


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("https://example.com/feed", SECURE),
        ("http://example.com/feed", ["http://example.com/feed"]),
        # Without a scheme
        ("example.com/feed", BOTH),
        ("//example.com/feed", BOTH),
        ("EXAMPLE.com/feed", BOTH),
        ("example.com", ["https://example.com/", "http://example.com/"]),
        ("example.com:443/feed", SECURE),
        ("example.com:80/feed", ["http://example.com/feed"]),
        ("localhost:8000/x", ["https://localhost:8000/x", "http://localhost:8000/x"]),
        ("nas:8000/feed", ["https://nas:8000/feed", "http://nas:8000/feed"]),
        ("localhost/x", ["https://localhost/x", "http://localhost/x"]),
        ("[::1]:80/x", ["http://[::1]/x"]),
        ("[::1]:8000/x", ["https://[::1]:8000/x", "http://[::1]:8000/x"]),
        ("192.0.2.7/x", ["https://192.0.2.7/x", "http://192.0.2.7/x"]),
        ("例え.テスト/音", ["https://xn--r8jz45g.xn--zckzah/%E9%9F%B3", "http://xn--r8jz45g.xn--zckzah/%E9%9F%B3"]),
        # A login goes over no connection that anybody can read, unless the user says so.
        ("ann:secret@example.com/feed", ["https://ann:secret@example.com/feed"]),
        ("feed://ann:secret@example.com/feed", ["https://ann:secret@example.com/feed"]),
        ("http://ann:secret@example.com/feed", ["http://ann:secret@example.com/feed"]),
        # Schemes of podcast apps
        ("feed:https://example.com/feed", SECURE),
        ("feed:http://example.com/feed", ["http://example.com/feed"]),
        ("feed://https://example.com/feed", SECURE),
        ("feed://example.com/feed", BOTH),
        ("feed:example.com/feed", BOTH),
        ("pcast://example.com/feed", BOTH),
        ("pcast:example.com/feed", BOTH),
        ("itpc://example.com/feed", BOTH),
        ("podcast://example.com/feed", BOTH),
        ("podcast:https://example.com/feed", SECURE),
        ("itms-podcasts://example.com/feed", BOTH),
        ("FEED://Example.com/feed", BOTH),
        ("view-source:https://example.com/feed", SECURE),
        ("antennapod-subscribe://example.com/feed", BOTH),
        ("pktc://subscribe/example.com/feed", BOTH),
        ("castro://subscribe/https://example.com/feed", SECURE),
        ("overcast://x-callback-url/add?url=https%3A%2F%2Fexample.com%2Ffeed", SECURE),
        # Pages that open a podcast app
        ("https://antennapod.org/deeplink/subscribe?title=x&url=https%3A%2F%2Fexample.com%2Ffeed", SECURE),
        ("https://www.subscribeonandroid.com/example.com/feed", BOTH),
        ("https://podcasts.google.com/feed/aHR0cHM6Ly9leGFtcGxlLmNvbS9mZWVk/episode/YWJj?x=1", SECURE),
        ("https://podcasts.google.com/?feed=aHR0cHM6Ly9leGFtcGxlLmNvbS9mZWVk", SECURE),
        ("https://www.google.com/podcasts?hl=en&feed=aHR0cHM6Ly9leGFtcGxlLmNvbS9mZWVk", SECURE),
        ("https://example.com/feed?url=x", ["https://example.com/feed?url=x"]),
        # Half of an address pasted over another one, or one out of HTML
        ("https://https://example.com/feed", SECURE),
        ("http://https://example.com/feed", SECURE),
        ("https//example.com/feed", SECURE),
        ("https:///example.com/feed", SECURE),
        ("https%3A%2F%2Fexample.com%2Ffeed", SECURE),
        ("https://example.com/feed?a=1&amp;b=2", ["https://example.com/feed?a=1&b=2"]),
        ("https://example.com/https://other.example/", ["https://example.com/https://other.example/"]),
        ("feed:8000/x", ["https://feed:8000/x", "http://feed:8000/x"]),
        # What surrounds a pasted address
        ("  https://example.com/feed\n", SECURE),
        ("<https://example.com/feed>", SECURE),
        ('"https://example.com/feed"', SECURE),
        ("“https://example.com/feed”", SECURE),
        ("'example.com/feed'", BOTH),
        ("<URL:https://example.com/feed>", SECURE),
        ("\ufeffhttps://example.com/feed\u200b", SECURE),
        # Spellings
        ("HTTPS://Example.COM:443/feed#latest", SECURE),
        ("https:example.com/feed", SECURE),
        ("https:/example.com/feed", SECURE),
        ("https://example.com", ["https://example.com/"]),
        ("https://example.com?q=%2F", ["https://example.com/?q=%2F"]),
        ("http://example.com:8080/feed", ["http://example.com:8080/feed"]),
        ("http://example.com:443/feed", ["http://example.com:443/feed"]),
    ],
)
def test_what_an_address_means(text: str, addresses: list[str]) -> None:
    assert candidates(text) == addresses
    assert candidates(addresses[0])[0] == addresses[0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "needs a host name"),
        ("feed:", "needs a host name"),
        ("http://", "needs a host name"),
        ("12345", "must begin with http"),
        ("nas/feed", "must begin with http"),
        ("hello world", "no spaces"),
        ("file:///etc/passwd", "must begin with http"),
        ("ftp://example.com/feed", "must begin with http"),
        ("mailto:ann@example.com", "must begin with http"),
        ("javascript:alert(1)", "must begin with http"),
        ("feed:file:///etc/passwd", "must begin with http"),
        ("magnet:?xt=urn:btih:1", "must begin with http"),
        ("C:\\podcasts\\all.opml", "must begin with http"),
        ("./feed.xml", "no file that is there"),
        ("/home/ann/all.opml", "no file that is there"),
        ("~/all.opml", "no file that is there"),
        ("all.opml", "no file that is there"),
        ("example.com:port/", "not an address"),
        ("http://[::1/", "not an address"),
        ("spotify:episode:1", "Spotify"),
        ("open.spotify.com/show/1", "Spotify"),
        ("feed:https://open.spotify.com/show/1", "Spotify"),
        ("https://spotify.link/1", "Spotify"),
        ("https://youtu.be/1", "YouTube"),
        ("https://music.youtube.com/podcast/1", "YouTube"),
    ],
)
def test_what_is_no_address_ends_in_a_sentence(text: str, complaint: str) -> None:
    with pytest.raises(AddressError, match=complaint) as caught:
        candidates(text)
    assert "\n" not in str(caught.value)


def test_a_refusal_shows_no_login() -> None:
    for text in ("ann:secret@exa mple.com/", "mailto:ann:secret@example.com", "http://ann:secret@exa mple.com/"):
        with pytest.raises(AddressError) as caught:
            candidates(text)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "http://ann@mail.example:p!#secret@:/w@example.com/feed.xml?hash",
        "http://ann:a/secret@example.com/",
        "http://ann:secret[@example.com/",
        "https://ann:a?secret@example.com/",
    ],
)
def test_a_login_with_special_characters_is_told_how_to_write_them(text: str) -> None:
    with pytest.raises(AddressError, match="its login has special characters: write them percent-encoded") as caught:
        candidates(text)
    assert "://***@example.com/" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["ftp://ann:a#secret@example.com/", "ann:a#secret@example.com/"])
def test_no_refusal_shows_a_login_with_special_characters(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        candidates(text)
    assert "secret" not in str(caught.value)


def test_spotify_elsewhere_is_none_of_spotifys() -> None:
    assert candidates("https://notspotify.com/open.spotify.com") == ["https://notspotify.com/open.spotify.com"]


@given(st.text())
def test_an_address_has_one_normal_form(text: str) -> None:
    addresses = []
    with suppress(AddressError):
        addresses = candidates(text)
    assert [candidates(address) for address in addresses] == [[address] for address in addresses]
    assert all(address.isprintable() and address.startswith("http") for address in addresses)
