import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.addresses import candidates
from podcrawler.exceptions import AddressError
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


SECRETS = [
    "secret",
    "se#cret",
    "se/cret",
    "se?cret",
    "se@cret",
    "se:cret",
    "se cret",
    "12#cret",
    "12/cret",
    "12?cret",
    "12@cret",
    "12:cret",
    "99999cret",
    "se[cret",
    "s@e/cr?e#t:1 cret",
    "cret%2F",
    "s\u00e9cret",
    "se\\cret",
    "://cret",
    "",
]
USERS = ["ann", "ann@mail.example", ""]
SCHEMES = ["https://", "http://", "feed:https://", "feed://", "ftp://", "s3://", "redis://", "HTTPS://", ""]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_form_of_an_address_shows_its_password(secret: str, user: str, scheme: str) -> None:
    address = f"{scheme}{user}:{secret}@host.example/feed.xml?a=b"
    shown = masked(address, is_address=True)
    assert "cret" not in shown
    assert shown.endswith("***@host.example/feed.xml?a=b")
    assert masked(shown, is_address=True) == shown
    if scheme and " " not in secret:
        texts = (f"it is {address}.", f'it is "{address}"; ask', f"{{'URL': '{address}', 'B': 'c'}}", f"<{address}>")
        assert [text for text in texts if "cret" in masked(text)] == []


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("scheme", ["https://", "feed:https://", ""])
def test_what_is_taken_for_an_address_has_its_whole_login_taken_out(secret: str, user: str, scheme: str) -> None:
    """Else it is refused, in a sentence without it."""
    address, refusal = "", ""
    try:
        address = split_login(candidates(f"{scheme}{user}:{secret}@host.example/feed.xml")[0])[0]
    except AddressError as error:
        refusal = str(error)
    assert address == "https://host.example/feed.xml" or "percent-encoded" in refusal or not scheme
    assert "cret" not in refusal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('no "https://u:p@ss@h/a@b", and ftp://u@h; but mail a@b', 'no "https://***@b", and ftp://***@h; but mail a@b'),
        ("https://medium.example/@user/feed", None),
        ("https://medium.example:8443/@user/feed and a@b", None),
        ("http://localhost:8000/@user http://[::1]:8000/@user http://192.0.2.7/@user", None),
        ("https://tracker.example/https://u:p@h.example/1.mp3", "https://tracker.example/https://***@h.example/1.mp3"),
        ("write https://USER:PASSWORD@HOST/, or redis://:PASSWORD@HOST:PORT/0", None),
        ("a@b c@d", None),
        ("GET http://nas/x from a@b", None),
        ("{'AWS_SECRET_ACCESS_KEY': 'ab\\'c', 'MAIL_PASS': \"d\", 'A': 'e'}",
         "{'AWS_SECRET_ACCESS_KEY': '***', 'MAIL_PASS': \"***\", 'A': 'e'}"),
        ("{'FTP_PASSWORD': 'a '\n   \"b'c \"\n   'd',\n 'A': 'e'}", "{'FTP_PASSWORD': '***',\n 'A': 'e'}"),
        ("{'MAIL_PASS': b'a '\n b'b', 'A': b'e'}", "{'MAIL_PASS': b'***', 'A': b'e'}"),
        ("{'FTP_PASSWORD': 12345, 'A': 12345}", "{'FTP_PASSWORD': ***, 'A': 12345}"),
        ("{'FTP_PASSWORD': None, 'FTP_PASSIVE_MODE': 1, 'A_PASSING': 'b'}", None),
    ],
)  # fmt: skip
def test_only_logins_are_masked(text: str, shown: str | None) -> None:
    assert masked(text) == (text if shown is None else shown)
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize(
    ("path", "is_for"),
    [
        ("/a/b/feed.xml", True),
        ("/a/b/", True),
        ("/a/b/c/1.mp3?x=../..", True),
        ("/a/%62/1.mp3", True),
        ("/a/b", False),
        ("/a/", False),
        ("/a/bc", False),
        ("", False),
        ("/a/b/../c", False),
        ("/a/b/%2e%2E/c", False),
        ("/a/b/..;/c", False),
        ("/a/b/..%2Fc", False),
        ("/a/b/..%5cc", False),
        ("/a/b/%252e%252e/c", False),
    ],
)
def test_a_login_is_for_its_folder_and_what_is_below(path: str, is_for: bool) -> None:
    login = split_login("https://u:p@h/a/b/feed.xml")[1]
    assert login
    assert login.place == "https://h/a/b/"
    assert login.is_for(f"https://h{path}") == is_for
    assert not login.is_for(f"http://h{path}")
    assert not login.is_for(f"https://h:444{path}")


def test_a_login_of_an_earlier_release_is_for_its_origin() -> None:
    login = Login.read({"origin": "https://h:443", "user": "u", "password": "p"})
    assert login
    assert login.is_for("https://h/any")


@given(st.text())
def test_no_address_upsets_them(text: str) -> None:
    for address in (text, f"https://{text}", f"https://u:p@{text}"):
        split_login(address)
        origin_of(address)
        assert masked(masked(address)) == masked(address)
        assert masked(masked(address, is_address=True), is_address=True) == masked(address, is_address=True)
