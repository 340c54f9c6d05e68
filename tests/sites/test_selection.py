"""Which files of the entries of a page are episodes, by what a user wants."""

from collections.abc import Sequence

import pytest

from podcrawler.items import Enclosure, Episode, Podcast
from podcrawler.sites import identity
from podcrawler.sites.base import LeftOut, Listing
from podcrawler.sites.cause import Cause
from podcrawler.sites.selection import with_all_files, with_wanted_files

AUDIO = Enclosure("http://h.example/1.mp3", "audio/mpeg")
VIDEO = Enclosure("http://h.example/1.mp4", "video/mp4")
PDF = Enclosure("http://h.example/1.pdf", "application/pdf")
UNKNOWN = Enclosure("http://h.example/1")


def entry(*files: Enclosure) -> Episode:
    return identity.with_files(Episode("", "show", "Title"), files)


def listing(*episodes: Episode, left_out: Sequence[LeftOut] = ()) -> Listing:
    return Listing(Podcast("show", "Show", "http://h.example/"), list(episodes), left_out=list(left_out))


@pytest.mark.parametrize(
    ("files", "wanted", "chosen"),
    [
        ([AUDIO, VIDEO], {"audio", "video"}, AUDIO),
        ([AUDIO, VIDEO], {"video"}, VIDEO),
        ([AUDIO], {"video"}, None),
        ([UNKNOWN], {"video"}, UNKNOWN),
        ([AUDIO], {"audio", "pdf"}, AUDIO),
    ],
)
def test_the_first_wanted_file_is_the_episode(
    files: list[Enclosure], wanted: set[str], chosen: Enclosure | None
) -> None:
    found = with_wanted_files(listing(entry(*files)), wanted)
    assert [episode.enclosure for episode in found.episodes] == ([chosen] if chosen else [])
    assert [left_out.cause for left_out in found.left_out] == ([] if chosen else [Cause.NOT_MEDIA])
    assert all(episode.id == entry(chosen).id for episode in found.episodes if chosen)


@pytest.mark.parametrize(("wanted", "count"), [({"audio", "video"}, 0), ({"audio", "pdf"}, 1)])
def test_a_file_that_sites_leave_out_may_be_wanted(wanted: set[str], count: int) -> None:
    notes = LeftOut(Cause.NOT_MEDIA, "Title", "application/pdf", unwanted=entry(PDF))
    found = with_wanted_files(listing(left_out=[notes]), wanted)
    assert (len(found.episodes), len(found.left_out)) == (count, 1 - count)


def test_ids_that_are_not_made_of_files_are_kept() -> None:
    on_a_page = Episode("4711", "show", "Title", page="http://h.example/4711")
    with_file = Episode("4712", "show", "Title", AUDIO)
    assert with_wanted_files(listing(on_a_page, with_file), {"audio"}).episodes == [on_a_page, with_file]


def test_all_audio_files_are_episodes_with_ids_of_their_own() -> None:
    second = Enclosure("http://h.example/2.mp3", "audio/mpeg")
    found = with_all_files(listing(entry(AUDIO, second, VIDEO)))
    assert [episode.enclosure for episode in found.episodes] == [AUDIO, second]
    assert found.episodes[0].id == entry(AUDIO).id
    assert len({episode.id for episode in found.episodes}) == 2
