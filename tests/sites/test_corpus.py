"""The corpus of small feeds: what the site makes of each."""

import pytest

from podcrawler.items import Episode
from tests.sites.corpus import Case, Expected, Left, broken, dates, encodings, files, formats, identities
from tests.sites.pages import listing

CASES = [case for table in (formats, broken, encodings, dates, files, identities) for case in table.CASES]


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
