"""What a file of PODCRAWLER_HOSTS may say, and which table counts for a host."""

from pathlib import Path

import pytest
from scrapy.settings import Settings

from podcrawler.exceptions import SettingError
from podcrawler.hosts import Host, Hosts


def read(path: Path | str) -> Hosts:
    settings = Settings()
    settings.setmodule("podcrawler.settings")
    settings.set("PODCRAWLER_HOSTS", str(path))
    return Hosts.read(settings)


def test_the_nearest_table_counts(tmp_path: Path) -> None:
    file = tmp_path / "hosts.toml"
    file.write_text('["example.com"]\nconnections = 2\nrate = "1.5M"\n["a.example.com"]\ndelay = 0.5\n')
    hosts = read(file)
    assert hosts.of("example.com") == hosts.of("B.Example.com.") == Host(connections=2, rate=1_500_000)
    assert hosts.of("x.a.example.com") == Host(delay=0.5)
    assert hosts.of("example.org") == Host()
    assert read("").of("example.com") == Host()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "is no TOML"),
        ("connections = 2", "has a value that is in no host's table"),
        ('["a.b"]\nconnections = 0', "a wrong value (connections:"),
        ('["a.b"]\nconnection = 1', "a wrong value (connection:"),
        ('["a.b"]\nrate = "fast"', "it is no number of bytes"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "hosts.toml"
    file.write_text(text)
    with pytest.raises(SettingError) as raised:
        read(file)
    assert words in str(raised.value)
    assert str(file) in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read \\(No such file"):
        read(tmp_path / "none.toml")
