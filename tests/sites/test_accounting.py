"""Accounts of pages: what they say, and that they add up."""

import json

import pytest

from podcrawler.items import Episode, Podcast
from podcrawler.sites.accounting import Account
from podcrawler.sites.base import LeftOut, Listing
from podcrawler.sites.cause import Cause
from podcrawler.sites.selection import with_newest


def account(episodes: int, *left_out: LeftOut) -> Account:
    listed = [Episode(str(number), "show", "Title") for number in range(episodes)]
    return Account.of(Listing(Podcast("show", "Show", "http://h.example/"), listed, left_out=list(left_out)))


BAD = LeftOut(Cause.BAD_ADDRESS, "Title", "htp://h.example/1.mp3")


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (account(643), "643 entries: 643 episodes"),
        (account(1), "1 entry: 1 episode"),
        (
            account(10, LeftOut(Cause.NO_MEDIA), BAD),
            '12 entries: 10 episodes, 1 without a media file, 1 with the address "htp://h.example/1.mp3"',
        ),
        (account(0, BAD, BAD), '2 entries: 0 episodes, 2 with an address that cannot be requested ("htp://h.exampl'),
        (
            account(0, LeftOut(Cause.NOT_MEDIA, named="image/png"), LeftOut(Cause.NOT_MEDIA, named="image/png")),
            '2 entries: 0 episodes, 2 with a file that is neither audio nor video ("image/png")',
        ),
        (account(2, LeftOut(Cause.DUPLICATE)), "3 entries: 2 episodes, 1 listed twice"),
    ],
)
def test_an_account_in_words(found: Account, sentence: str) -> None:
    assert str(found).startswith(sentence)


def test_accounts_of_pages_add_up() -> None:
    both = account(3, BAD) + account(4, BAD, LeftOut(Cause.NO_MEDIA))
    assert both == account(7, BAD, BAD, LeftOut(Cause.NO_MEDIA))
    assert (both.entries, both.is_complete, account(7).is_complete) == (10, False, True)


def test_an_account_outlasts_json_and_later_causes() -> None:
    found = account(3, BAD)
    written = json.loads(json.dumps(found.to_json()))
    assert Account.from_json(written) == found
    written["left_out"]["of-a-later-release"] = 1
    assert Account.from_json(written) == found


def test_passwords_are_not_quoted() -> None:
    assert "secret" not in str(account(0, LeftOut(Cause.BAD_ADDRESS, named="htp://me:secret@h.example/1.mp3")))


def test_the_oldest_episodes_beyond_the_limit_are_counted() -> None:
    episodes = [Episode(str(number), "show", "Title") for number in range(5)]
    limited = with_newest(Listing(Podcast("show", "Show", "http://h.example/"), episodes), 2)
    assert [episode.id for episode in limited.episodes] == ["3", "4"]
    assert str(Account.of(limited)).startswith("5 entries: 2 episodes, 3 older than the newest")


def test_few_examples_are_quoted() -> None:
    many = [LeftOut(Cause.BAD_ADDRESS, named=f"htp://h.example/{number}") for number in range(1000)]
    assert str(account(0, *many)).count("htp:") == 3
