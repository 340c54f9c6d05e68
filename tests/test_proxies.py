"""What is the address of a proxy, and how several are given."""

from pathlib import Path

import pytest
from scrapy.settings import Settings

from podcrawler.exceptions import SettingError
from podcrawler.proxies import ProxyAddress, read_proxies


def read(value: object) -> tuple[ProxyAddress, ...]:
    return read_proxies(Settings({"PODCRAWLER_PROXY": value}))


@pytest.mark.parametrize(
    ("value", "proxy"),
    [
        ("http://h", ProxyAddress("http", "h", 80)),
        ("http://h:3128/", ProxyAddress("http", "h", 3128)),
        ("https://h", ProxyAddress("https", "h", 443)),
        (" http://a:b%40@[::1]:3128 ", ProxyAddress("http", "::1", 3128, "a", "b@")),
        ("socks5h://a:b@h", ProxyAddress("socks5h", "h", 1080, "a", "b")),
        ("socks5://h:1", ProxyAddress("socks5", "h", 1)),
        ("socks4a://a@h:1", ProxyAddress("socks4a", "h", 1, "a")),
        ("socks4://h:1", ProxyAddress("socks4", "h", 1)),
        ("http://a:w%C3%B6rd@h:1", ProxyAddress("http", "h", 1, "a", "wörd")),
    ],
)
def test_an_address(value: str, proxy: ProxyAddress) -> None:
    (found,) = read(value)
    assert (found, found.user, found.password) == (proxy, proxy.user, proxy.password)
    assert ProxyAddress.parse(found.url) == found
    assert not found.password or found.password not in repr(found) + found.name


@pytest.mark.parametrize("value", ["", " ", None, [], ","])
def test_none(value: object) -> None:
    assert read(value) == ()


@pytest.mark.parametrize(
    "value",
    [
        "h:3128",
        "http://",
        "http://h:0",
        "http://h:port",
        "http://h:99999",
        "http://h/path",
        "http://h:3128?x",
        "http://[h",
        "http://hö",
        "ftp://h:1",
        "socks6://h:1",
    ],
)
def test_no_address(value: str) -> None:
    with pytest.raises(SettingError, match="is not the address of a proxy: write"):
        read(value)


@pytest.mark.parametrize(
    ("login", "words"),
    [("a", "half a login"), (":b", "half a login"), ("a:%C3%B6", "than ASCII"), ("a%3Ab:c", "a colon")],
)
def test_no_login_for_socks(login: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        read(f"socks5h://{login}@h:1")


@pytest.mark.parametrize("value", ["http://a:1,http://b:1", "http://a:1 \n http://b:1,", ["http://a:1", "http://b:1"]])
def test_several(value: object) -> None:
    assert [proxy.host for proxy in read(value)] == ["a", "b"]


def test_several_of_which_one_is_wrong() -> None:
    with pytest.raises(SettingError, match="has 3 addresses, of which number 2 is not the address of a proxy"):
        read("http://a:1 b:s3cret@ http://c:1")


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "my proxies.txt"
    file.write_text("# Mine\nhttp://a:1\n\n  socks5h://b:1 # Slow\n")
    assert [proxy.host for proxy in read(f"@{file}")] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"http://a:1\nb:s3cret@\n", "line 2 is not the address of a proxy"),
        (b"# None\n", "has no address of a proxy"),
        (b"\xff", "no text in UTF-8"),
        (None, "cannot be read \\(No such file"),
    ],
)
def test_a_wrong_file(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "proxies.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match=words) as raised:
        read(f"@{file}")
    assert str(raised.value).startswith(f"PODCRAWLER_PROXY names the file {file}")
    assert "s3cret" not in str(raised.value)
