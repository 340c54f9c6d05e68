"""The sidecar of a media file: ``<name of the file>.json`` beside it, which tells all that is known of the episode and
of how its file came, for people and programs that have nothing but the archive.

Pure: values in, JSON out, and back. docs/sidecars.md describes the form, docs/sidecar.schema.json and
docs/podcast.schema.json are its JSON Schemas.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeAlias, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from podcrawler.details import Chapter
from podcrawler.following import Following
from podcrawler.items import Episode, Podcast
from podcrawler.store.journal import EVENTS, MANIFEST, SIDECAR_SUFFIX
from podcrawler.store.names import episode_of
from podcrawler.tokens import without_secrets
from podcrawler.validation import cause

T = TypeVar("T")

#: What a file beside a media file is.
BesideKind: TypeAlias = Literal["cover", "transcript", "chapters"]

#: What is put behind the name of the media file.
SUFFIX = SIDECAR_SUFFIX
#: The record of a podcast, in its folder.
PODCAST_NAME = "podcast.json"
#: What tells of the whole archive, in its root.
README_NAME = "README.txt"
#: The headers of an answer (RFC 9110, RFC 9530) that tell something of the file; in lower case.
HEADERS = (
    "content-type",
    "content-length",
    "content-disposition",
    "content-md5",
    "digest",
    "repr-digest",
    "etag",
    "last-modified",
    "date",
)
#: What ``names.aside`` puts behind the name of a media file.
_ASIDE = re.compile(r"\.old[0-9]*\Z")
_COVER = re.compile(r"cover\.(?:jpg|png|webp|gif|avif)")
#: Fields of an episode that the reading of its list page alone needs, or that are told under ``file`` and ``capture``.
_ELSEWHERE = {"twin_id", "alternates", "file", "size", "sha256", "verified", "redirects", "remarks"}


class SidecarError(ValueError):
    """What is read is not a sidecar, or of a form that this version does not know; its text says why."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The media file."""

    #: In the folder of the sidecar.
    name: str
    #: Bytes.
    size: int
    #: In hex digits; None if the file was there before podcrawler told of it.
    sha256: str | None = None
    #: As ``Episode.verified``.
    verified: bool | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """How the file came. Addresses have no logins, and no queries that are signatures."""

    #: When the file got its name here.
    time: datetime
    #: The node that downloaded it, and its program, with the version.
    node: str
    program: str
    #: The address that was asked for: the enclosure's.
    url: str = ""
    #: As ``Episode.redirects``: the last one is where the bytes came from.
    redirects: list[str] = field(default_factory=list)
    #: Those of the answer that tell something of the file, by their names in lower case.
    headers: dict[str, str] = field(default_factory=dict)
    #: As ``Episode.remarks``.
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BesideFile:
    """A file of the same episode beside its media file, in the same folder (PODCRAWLER_BESIDE)."""

    kind: BesideKind
    #: In the folder of the sidecar.
    name: str
    #: Bytes.
    size: int
    #: In hex digits.
    sha256: str
    #: The address that was asked for, without login and signature.
    url: str = ""
    #: The media type.
    type: str = ""
    #: Of a transcript, as ``Transcript`` has them.
    language: str = ""
    rel: str = ""


@dataclass(frozen=True, slots=True)
class AbsentFile:
    """A file that was to be beside the media file, and cannot be had."""

    kind: BesideKind
    #: As that of ``BesideFile``.
    url: str
    #: Why, in a sentence.
    reason: str


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What is told of one media file."""

    format: Literal["podcrawler sidecar 1"]
    file: FileFacts
    #: None if the file was there before podcrawler told of it.
    capture: Capture | None
    #: As its feed or page told of it.
    episode: Episode
    #: The chapters that the media file itself has (ID3, MP4), by their start.
    chapters: list[Chapter] = field(default_factory=list)
    beside: list[BesideFile] = field(default_factory=list)
    absent: list[AbsentFile] = field(default_factory=list)

    @property
    def key(self) -> str:
        """As ``Episode.key``."""
        return self.episode.key


@dataclass(frozen=True, slots=True)
class PodcastRecord:
    """What is told of a podcast."""

    format: Literal["podcrawler podcast 1"]
    #: When this was written.
    time: datetime
    podcast: Podcast
    #: None if nobody follows it.
    subscription: Following | None = None
    #: The picture in the folder of the podcast; None if there is none.
    cover: BesideFile | None = None


# Made when they are needed: both take longer than all else of a command that reads and writes none.


@cache
def _sidecars() -> TypeAdapter[Sidecar]:
    return TypeAdapter(Sidecar)


@cache
def _records() -> TypeAdapter[PodcastRecord]:
    return TypeAdapter(PodcastRecord)


def sidecar_name(name: str) -> str:
    """The name of the sidecar of a media file, both without folders, or both with the same."""
    return name + SUFFIX


def of_file(name: str) -> str:
    """The name of the media file whose sidecar has this name; empty if it is no name of a sidecar."""
    return name.removesuffix(SUFFIX) if name.endswith(SUFFIX) else ""


def is_about(name: str) -> bool:
    """Whether a file of this name is none of a podcast's, but tells of those: a sidecar, the record of the podcast and
    its cover, the manifest, the events, or what tells of the archive."""
    is_sidecar = episode_of(_ASIDE.sub("", of_file(name))) != ""
    return is_sidecar or is_cover(_ASIDE.sub("", name)) or name in (PODCAST_NAME, MANIFEST, EVENTS, README_NAME)


def is_cover(name: str) -> bool:
    """Whether a file of this name can be the cover of a podcast."""
    return _COVER.fullmatch(name) is not None


def describe(
    episode: Episode, file: FileFacts, capture: Capture | None = None, headers: Mapping[str, str] | None = None
) -> Sidecar:
    """The sidecar of an episode's file. ``headers`` are those of the answer that the file came with; the addresses of
    the episode and of ``capture`` may have logins and signatures, which are left out."""
    enclosure, page = episode.enclosure, without_secrets(episode.page)
    if enclosure and (url := without_secrets(enclosure.url)) != enclosure.url:
        enclosure = replace(enclosure, url=url)
    # A copy of an item with so many fields takes more time than all else here.
    is_public = enclosure is episode.enclosure and page == episode.page
    told = episode if is_public else replace(episode, enclosure=enclosure, page=page)
    if capture:
        kept = {name: value for name in HEADERS if (value := (headers or {}).get(name))}
        capture = replace(capture, url=without_secrets(capture.url), headers=kept)
    return Sidecar("podcrawler sidecar 1", file, capture, told)


def dumps(sidecar: Sidecar) -> bytes:
    """As JSON, which is made to be read by people too."""
    return _dumped(_sidecars(), sidecar, {"episode": _ELSEWHERE})


def loads(raw: bytes) -> Sidecar:
    """The inverse of ``dumps``. Raises SidecarError."""
    return _validated(_sidecars(), raw)


def dump_podcast(
    podcast: Podcast, time: datetime, subscription: Following | None = None, cover: BesideFile | None = None
) -> bytes:
    """The content of ``podcast.json``."""
    told = replace(podcast, address=without_secrets(podcast.address))
    return _dumped(_records(), PodcastRecord("podcrawler podcast 1", time, told, subscription, cover), {})


def load_podcast(raw: bytes) -> PodcastRecord:
    """The inverse of ``dump_podcast``. Raises SidecarError."""
    return _validated(_records(), raw)


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schemas of both, by the name of the file in docs that has it."""
    sidecar = _sidecars().json_schema(mode="serialization")
    for name in _ELSEWHERE:
        del sidecar["$defs"]["Episode"]["properties"][name]
    return {
        "sidecar.schema.json": sidecar,
        "podcast.schema.json": _records().json_schema(mode="serialization"),
    }


def _dumped(adapter: TypeAdapter[T], value: T, excluded: Any) -> bytes:
    try:
        return adapter.dump_json(value, indent=2, exclude_defaults=True, exclude=excluded) + b"\n"
    except PydanticSerializationError:
        # A feed may have halves of surrogate pairs, which no UTF-8 has.
        told = adapter.dump_python(value, mode="json", exclude_defaults=True, exclude=excluded)
        return json.dumps(told, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _validated(adapter: TypeAdapter[T], raw: bytes) -> T:
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        raise SidecarError(cause(error)) from None
