"""The corpus of small feeds: what the site makes of each."""

import subprocess
import sys
from collections import Counter

import pytest

from podcrawler.items import Episode
from podcrawler.sites.cause import Cause
from podcrawler.sites.identity import podcast_guid
from tests.conftest import Commands
from tests.sites.corpus import CASES
from tests.sites.corpus.case import Case, Expected, Left
from tests.sites.pages import listing


def seen(episode: Episode, expected: Expected) -> Expected:
    """The episode as the fields that are expected of it."""
    assert episode.enclosure is not None
    published = episode.published.isoformat() if episode.published else ""
    found = Expected(episode.id, episode.title, episode.enclosure.url, published)
    return Expected(*(None if wanted is None else value for wanted, value in zip(expected, found, strict=True)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_feed_of_the_corpus_is_read_as_expected(case: Case) -> None:
    found = listing(case.body, case.content_type)
    assert len(found.episodes) == len(case.episodes), found.episodes
    assert [seen(*pair) for pair in zip(found.episodes, case.episodes, strict=True)] == case.episodes
    left_out = [
        Left(one.cause, one.title, None if wanted.named is None else one.named, one.episode.id if one.episode else "")
        for one, wanted in zip(found.left_out, case.left_out, strict=True)
    ]
    assert left_out == case.left_out


def test_the_corpus_is_large_and_each_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 120


def test_feeds_of_the_corpus_are_archived(commands: Commands) -> None:
    # Those whose episodes are all at addresses that the server has, and those that it can serve.
    fit = [
        number
        for number, case in enumerate(CASES)
        if case.episodes
        and "m.example" in str(case.body)
        and all((one.url or "").startswith("http://m.example/") for one in case.episodes)
        and all(one.cause is not Cause.BAD_ADDRESS for one in case.left_out)
    ]
    numbers = fit[:: len(fit) // 40]
    with subprocess.Popen([sys.executable, "-m", "tests.sites.corpus"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        feeds = {f"{address}/feed/{number}": CASES[number] for number in numbers}
        try:
            ended = commands.run("archive", *feeds)
        finally:
            server.terminate()
    assert ended.status == 0, ended.err
    archived = Counter(path.partition("/")[0].rpartition("-")[2] for path in commands.files())
    assert archived == {podcast_guid(feed)[:8]: len(case.episodes) for feed, case in feeds.items()}
    assert len(feeds) >= 30
