import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.logins import Login, masked, origin_of, split_login
from podcrawler.queue.entries import entry_of, page_request


@pytest.mark.parametrize(
    ("address", "bare", "login"),
    [
        ("https://h/a?x=%2F#y", "https://h/a?x=%2F#y", None),
        ("https://u:p@h/a?x=%2F", "https://h/a?x=%2F", Login("https://h:443", "u", "p")),
        ("http://u%40x:p%3A%2Fq@H:8080/", "http://H:8080/", Login("http://h:8080", "u@x", "p:/q")),
        ("https://token@h/", "https://h/", Login("https://h:443", "token", "")),
        ("https://:@h/", "https://h/", None),
        ("https://u:p@[::1]:8443/", "https://[::1]:8443/", Login("https://::1:8443", "u", "p")),
        ("https://[u:p@h/", "https://[u:p@h/", None),
        ("https://h:99999/", "https://h:99999/", None),
    ],
)
def test_a_login_is_taken_out_of_an_address(address: str, bare: str, login: Login | None) -> None:
    assert split_login(address) == (bare, login)


def test_an_entry_has_no_login_in_its_name() -> None:
    request = page_request("https://u:p@h/feed.xml")
    entry = entry_of(request, "")
    assert {entry.key, entry.group, entry.name, request.url} == {"https://h/feed.xml"}
    assert Login.read(request.meta["login"]) == Login("https://h:443", "u", "p")


@pytest.mark.parametrize("value", [None, "text", {}, {"origin": "o", "user": 1, "password": "p"}, {"origin": "o"}])
def test_what_is_no_login_is_none(value: object) -> None:
    assert Login.read(value) is None


def test_logins_are_masked_wherever_they_stand() -> None:
    text = 'no "https://u:p@ss@h/a@b", and ftp://u@h; but mail a@b'
    assert masked(text) == 'no "https://***@h/a@b", and ftp://***@h; but mail a@b'


@given(st.text())
def test_no_address_upsets_them(text: str) -> None:
    for address in (text, f"https://{text}", f"https://u:p@{text}"):
        split_login(address)
        origin_of(address)
        masked(address)
