"""What is taken from a document is bounded, whichever site reads it."""

from dataclasses import fields

import pytest

from podcrawler.exceptions import ListingError
from podcrawler.items import Enclosure, Episode, Podcast
from podcrawler.sites import limits
from podcrawler.sites.base import LeftOut, Listing, Referral
from podcrawler.sites.cause import Cause

LONG = "x" * 200_000
URL = "http://h.example/1.mp3"


def episode(**changes: object) -> Episode:
    values: dict[str, object] = {"id": "1", "podcast_id": "p", "title": "T", "enclosure": Enclosure(URL), **changes}
    return Episode(**values)  # type: ignore[arg-type]


def bounded(*episodes: Episode, left_out: list[LeftOut] | None = None) -> Listing:
    return limits.bounded(Listing(Podcast("p", "P", URL), list(episodes), left_out=left_out or []))


@pytest.mark.parametrize("name", [field.name for field in fields(Episode) if field.type is str])
def test_no_text_of_an_episode_is_long(name: str) -> None:
    if name in ("id", "podcast_id", "twin_id"):
        return
    found = bounded(episode(**{name: LONG}))
    if name == "guid":
        assert [entry.cause for entry in found.left_out] == [Cause.TOO_LONG]
    else:
        (one,) = found.episodes
        assert len(getattr(one, name)) in (0, limits.MAX_TITLE, limits.MAX_TEXT)


@pytest.mark.parametrize("name", ["title", "description", "link", "image", "language", "author", "guid", "summary"])
def test_no_text_of_a_podcast_is_long(name: str) -> None:
    podcast = Podcast("p", "P", URL)
    setattr(podcast, name, LONG)
    assert len(getattr(limits.bounded(Listing(podcast)).podcast, name)) <= limits.MAX_TEXT


def test_an_entry_with_a_long_address_is_left_out_with_its_cause() -> None:
    found = bounded(episode(enclosure=Enclosure(URL + LONG)), episode(enclosure=None, page=URL + LONG), episode(id="3"))
    assert [one.id for one in found.episodes] == ["3"]
    assert [(one.cause, len(one.named)) for one in found.left_out] == [(Cause.TOO_LONG, limits.MAX_NAMED)] * 2


def test_what_is_left_out_is_bounded_too() -> None:
    announced = LeftOut(Cause.BAD_ADDRESS, LONG, LONG, episode(enclosure=Enclosure("x" * 9_000)))
    unwanted = LeftOut(Cause.NOT_MEDIA, LONG, "image/png", unwanted=episode(description=LONG))
    first, second = bounded(left_out=[announced, unwanted]).left_out
    assert (first.cause, first.episode, len(first.title), len(first.named)) == (Cause.TOO_LONG, None, 1_000, 200)
    assert second.unwanted
    assert (len(second.title), len(second.unwanted.description)) == (1_000, limits.MAX_TEXT)


def test_other_files_are_few_and_short() -> None:
    files = [Enclosure(f"{URL}?{number}", LONG) for number in range(1_000)]
    (one,) = bounded(episode(enclosure=files[0], alternates=[Enclosure(URL + LONG), *files])).episodes
    assert one.enclosure
    assert len(one.enclosure.type) == limits.MAX_NAMED
    assert len(one.alternates) == limits.MAX_FILES - 1


def test_a_list_of_subscriptions_is_bounded_and_says_so() -> None:
    podcasts = [[f"http://h.example/{number}"] for number in range(limits.MAX_PODCASTS + 5)]
    found = limits.bounded_referral(Referral([[URL + LONG], *podcasts], left_out=[LONG] * 500))
    assert found.podcasts == podcasts[: limits.MAX_PODCASTS]
    assert len(found.left_out) == limits.MAX_SENTENCES + 2
    assert found.left_out[-2:] == [
        "400 further outlines that lead to no feed.",
        "5 podcasts: no more than the first 10000 are read; split the list.",
    ]


def test_a_record_that_is_too_large_keeps_what_matters() -> None:
    one = episode(description="About", keywords=[LONG], guid="g", duration=7)
    assert limits.without_details(one) == episode(description="About", guid="g", duration=7)


def test_the_sentence_of_a_failure_is_short() -> None:
    error = ListingError("unknown-page", LONG)
    assert len(str(error)) == 2_000
    assert str(error).endswith("…")
