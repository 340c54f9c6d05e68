"""How media files and folders are named. Pure: names in, names out.

Ids and tokens come from Redis, titles and addresses from feeds: all are hostile. Every name in the store is made or
checked here, so that none can lead outside of it.
"""

import hashlib
import posixpath
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import count
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from podcrawler.ids import EPISODE_ID, MOST_VERSIONS, PODCAST_ID

#: UTF-8 bytes; file systems allow 255, and sidecars need room for endings of their own.
MAX_NAME_BYTES = 240
PART_SUFFIX = ".part"
UNTITLED = "untitled"
UNKNOWN_EXTENSION = "bin"

#: What ``versioned`` and, behind that, ``disambiguated`` put in front of the extension.
_VERSION = re.compile(r"\.v([1-9][0-9]{0,3})(?:~[0-9a-f]{4})?\.[^./]+\Z")
#: Bytes of the latter.
_DISAMBIGUATION = 5
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EXTENSION = re.compile(r"(?!part$)[a-z0-9]{1,5}")
_FILENAME = re.compile(r"filename\*?[ \t]*=[ \t]*(\"[^\"]*|[^;]*)", re.IGNORECASE)

_SPACES = re.compile(r"\s+")
#: Controls that are no whitespace, bidi marks, the byte order mark, and halves of surrogate pairs.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_TWINS = str.maketrans('/:\\*?"<>|', "-：＼＊？＂＜＞｜")

_MEDIA_EXTENSIONS = re.compile(
    "3g2|3gp|aac|ac3|aif|aiff|amr|ape|asf|au|avi|caf|dff|dsf|flac|flv|m2ts|m4a|m4b|m4v|mid|mka|mkv|mov|mp2|mp3|mp4|"
    "mpc|mpeg|mpg|mpga|oga|ogg|ogv|opus|ra|rm|spx|tta|ts|w64|wav|webm|wma|wmv|wv"
)
_MEDIA_ENDINGS = frozenset([*_MEDIA_EXTENSIONS.pattern.split("|"), UNKNOWN_EXTENSION])
_MEDIA_TYPES = {
    "application/ogg": "ogg",
    "audio/3gpp": "3gp",
    "audio/aac": "aac",
    "audio/aacp": "aac",
    "audio/aiff": "aiff",
    "audio/amr": "amr",
    "audio/flac": "flac",
    "audio/m4a": "m4a",
    "audio/mp3": "mp3",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/mpeg3": "mp3",
    "audio/mpg": "mp3",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/vnd.wave": "wav",
    "audio/wav": "wav",
    "audio/webm": "webm",
    "audio/x-aac": "aac",
    "audio/x-aiff": "aiff",
    "audio/x-flac": "flac",
    "audio/x-m4a": "m4a",
    "audio/x-m4b": "m4b",
    "audio/x-matroska": "mka",
    "audio/x-mp3": "mp3",
    "audio/x-ms-wma": "wma",
    "audio/x-wav": "wav",
    "video/3gpp": "3gp",
    "video/mp2t": "ts",
    "video/mp4": "mp4",
    "video/mpeg": "mpg",
    "video/ogg": "ogv",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-m4v": "m4v",
    "video/x-matroska": "mkv",
    "video/x-ms-asf": "asf",
    "video/x-ms-wmv": "wmv",
    "video/x-msvideo": "avi",
}


class Destination(NamedTuple):
    """Where the media file of an episode goes."""

    podcast_id: str
    episode_id: str
    #: Relative to the store, folders separated by slashes.
    path: str
    #: When it shall say that it was changed, in seconds since 1970; None: when it is written.
    mtime: float | None = None

    @property
    def is_default(self) -> bool:
        """Whether the path is of the form ``<podcast id>/<episode id>.<...>``, by which the store finds it again."""
        folder, _, name = self.path.rpartition("/")
        return folder == self.podcast_id and name.startswith(f"{self.episode_id}.")

    def disambiguated(self) -> "Destination":
        """Another path, for when the name is taken: by a broken file, by another episode's, or by one whose id differs
        in upper and lower case alone, which many disks (those of macOS and Windows) do not distinguish. With four hex
        digits of the SHA-256 of the episode's identity."""
        identity = self.episode_id if self.is_default else f"{self.podcast_id}/{self.episode_id}"
        return self._marked(f"~{hashlib.sha256(identity.encode()).hexdigest()[:4]}")

    def versioned(self, version: int) -> "Destination":
        """The path for a version of the episode's file: ``.v2`` stands in front of the extension for the second one."""
        # Whatever has the first name stays there, so a mark of ``disambiguated`` has to fit behind this one.
        return self._marked(f".v{version}", room=_DISAMBIGUATION) if version > 1 else self

    def _marked(self, mark: str, room: int = 0) -> "Destination":
        """With the mark in front of the extension, and ``room`` bytes left for another one."""
        folder, _, name = self.path.rpartition("/")
        stem, _, extension = name.rpartition(".")
        kept = _cut(stem, MAX_NAME_BYTES - room - len(f"{mark}.{extension}"))
        return self._replace(path=f"{folder}/{kept}{mark}.{extension}")


def default_destination(podcast_id: str, episode_id: str, title: str, extension: str) -> Destination:
    """``<podcast id>/<episode id>.<title>.<extension>``; raises as ``folder_name`` and ``file_name``."""
    path = f"{folder_name(podcast_id)}/{file_name(episode_id, title, extension)}"
    return Destination(podcast_id, episode_id, path)


def destination(podcast_id: str, episode_id: str, path: str) -> Destination:
    """The destination of an episode's file, if ``path`` can be one: relative, without hidden folders or control
    characters, in at least one folder, and with a name that ends like a media file's. ValueError if not."""
    *folders, name = path.split("/")
    is_media = is_media_extension(name.rpartition(".")[2]) or name.endswith(f".{UNKNOWN_EXTENSION}")
    if not folders or not is_media or not all(map(_is_safe_name, (*folders, name))):
        raise ValueError(f"{path!r} cannot be the path of a media file in the store")
    return Destination(folder_name(podcast_id), _checked(EPISODE_ID, episode_id, "episode id"), path)


def _is_safe_name(name: str) -> bool:
    """Whether making it safe changes nothing: it is visible, stays in its folder, and fits every file system."""
    return safe_name(name, MAX_NAME_BYTES) == name


def folder_name(podcast_id: str) -> str:
    """The folder of a podcast: its id. Raises ValueError if that is no podcast id."""
    return _checked(PODCAST_ID, podcast_id, "podcast id")


def file_name(episode_id: str, title: str, extension: str) -> str:
    """``<episode id>.<title>.<extension>``, at most MAX_NAME_BYTES bytes of UTF-8 in NFC.

    Any title is possible. Raises ValueError if the id is no episode id, or the extension is not ``[a-z0-9]{1,5}``.
    """
    begin = _checked(EPISODE_ID, episode_id, "episode id") + "."
    end = "." + _checked(_EXTENSION, extension, "extension")
    return begin + safe_name(title, MAX_NAME_BYTES - len(begin) - len(end)) + end


def same_on_some_disks(name: str, other: str) -> bool:
    """Whether two different names are the same to a file system that ignores case."""
    return name != other and name.casefold() == other.casefold()


def part_name(episode_id: str, token: str) -> str:
    """``<episode id>.<token>.part``: a transfer in flight, under the lease that the token proves.

    Raises ValueError if either is illegal.
    """
    return f"{_checked(EPISODE_ID, episode_id, 'episode id')}.{_checked(_TOKEN, token, 'token')}{PART_SUFFIX}"


def checkpoint_names(part_name: str) -> tuple[str, str]:
    """The checkpoint beside a part: ``<episode id>.<token>.new.json.part`` while it is written, then
    ``<episode id>.<token>.json.part``."""
    begin = part_name.removesuffix(PART_SUFFIX)
    return f"{begin}.new.json{PART_SUFFIX}", f"{begin}.json{PART_SUFFIX}"


def of_episode(names: Iterable[str], episode_id: str) -> list[str]:
    """The names that begin with the episode's id. Raises ValueError if that is illegal.

    A folder may have a hundred thousand, so each is looked at no further than this.
    """
    begin = _checked(EPISODE_ID, episode_id, "episode id") + "."
    return [name for name in names if name.startswith(begin)]


def in_any_case(names: Iterable[str], episode_id: str) -> Iterator[str]:
    """As ``of_episode``, on a file system that ignores case."""
    begin = episode_id.casefold() + "."
    return (name for name in names if name[: len(begin)].casefold() == begin)


def collides_ignoring_case(name: str, names: Iterable[str]) -> bool:
    """Whether ``same_on_some_disks`` is true of a name made by ``file_name`` and one of ``names``."""
    return any(same_on_some_disks(name, other) for other in in_any_case(names, name.partition(".")[0]))


def belongs_to(name: str, episode_id: str) -> bool:
    """Whether a file of this name is the media file of the episode. Raises ValueError if the id is illegal."""
    ending = name.rpartition(".")[2].lower()
    is_media = is_media_extension(ending) or ending == UNKNOWN_EXTENSION
    return is_media and name.startswith(_checked(EPISODE_ID, episode_id, "episode id") + ".")


def of_version(names: Iterable[str], episode_id: str, version: int) -> list[str]:
    """Of the names those of media files of this version of the episode; for the first one, those of all, the last
    version in front: who asks for that does not know of others. Raises ValueError if the id is illegal."""
    found = [name for name in of_episode(names, episode_id) if belongs_to(name, episode_id)]
    if version > 1:
        return [name for name in found if version_of(name) == version]
    return sorted(found, key=version_of, reverse=True)


def version_of(name: str) -> int:
    """The version of the file that has this name, which may be a path: 1 if the name tells none. The title of an
    episode may happen to end like that, too, so this counts only where there can be others."""
    found = _VERSION.search(name)
    return int(found[1]) if found and int(found[1]) <= MOST_VERSIONS else 1


def episode_of(name: str) -> str:
    """The id of the episode whose media file has this name, as ``belongs_to`` has it; empty if it is no such name."""
    episode_id, _, rest = name.partition(".")
    is_media = rest.rpartition(".")[2].lower() in _MEDIA_ENDINGS
    return episode_id if is_media and EPISODE_ID.fullmatch(episode_id) else ""


def aside(name: str) -> Iterator[str]:
    """Names for a media file that is to be none any more, but to be kept."""
    return (f"{name}.old{number or ''}" for number in count())


def is_part_of(name: str, episode_id: str) -> bool:
    """Whether a file of this name is a part of the episode, or a checkpoint of one. Raises ValueError if the id is
    illegal."""
    return name.startswith(_checked(EPISODE_ID, episode_id, "episode id") + ".") and name.endswith(PART_SUFFIX)


def checkpointed_part(name: str) -> str | None:
    """The name of the part that a checkpoint of this name is about; None if the name is that of a part."""
    episode_id, _, rest = name.partition(".")
    token, separator, ending = rest.removesuffix(PART_SUFFIX).partition(".")
    return f"{episode_id}.{token}{PART_SUFFIX}" if separator and ending in ("json", "new.json") else None


def is_media_extension(ending: str) -> bool:
    """Whether files that end so (without the dot, in any case) are audio or video."""
    return _MEDIA_EXTENSIONS.fullmatch(ending.lower()) is not None


def extension(types: Iterable[str], urls: Iterable[str]) -> str:
    """The extension for a media file whose bytes match no signature, ``[a-z0-9]{1,5}``: by the first known media type
    (RFC 9110 §8.3.1), else by the first address whose path has one, else ``bin``."""
    candidates = (*map(extension_of_type, types), *map(extension_of_url, urls))
    return next(filter(None, candidates), UNKNOWN_EXTENSION)


def extension_of_type(media_type: str) -> str:
    """The extension for a media type; empty if it is unknown, or says nothing (``application/octet-stream``)."""
    return _MEDIA_TYPES.get(media_type.partition(";")[0].strip().lower(), "")


def extension_of_url(url: str) -> str:
    """The media extension of the path of the address; empty if it has none. The query does not count."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    ending = posixpath.splitext(unquote(path).rstrip("/"))[1][1:].lower()
    return ending if is_media_extension(ending) else ""


def told_names(disposition: str) -> list[str]:
    """The names that the header Content-Disposition has for a file (RFC 6266 §4.3), as addresses."""
    return [name.strip('" \t') for name in _FILENAME.findall(disposition)]


def _checked(form: re.Pattern[str], value: str, what: str) -> str:
    if not form.fullmatch(value):
        raise ValueError(f"{value!r} cannot be the {what} of a file in the store; it must be like {form.pattern}")
    return value


def safe_name(text: str, max_bytes: int = MAX_NAME_BYTES) -> str:
    """The text as a name that every file system takes, or part of one: at most ``max_bytes`` of UTF-8, in NFC."""
    visible = _SPACES.sub(" ", _UNSEEN.sub("", text)).strip(" .")
    # Normalizing takes quadratic time on a long run of marks, which only a hostile title has.
    normal = unicodedata.normalize("NFC", visible[: 4 * MAX_NAME_BYTES])
    return _cut(normal.translate(_TWINS), max_bytes).rstrip(" .") or UNTITLED


def _cut(text: str, max_bytes: int) -> str:
    """The longest beginning of ``text`` that has at most ``max_bytes`` of UTF-8 and ends with a whole character, as a
    reader sees them (extended grapheme clusters, UAX #29)."""
    if len(text.encode()) <= max_bytes:
        return text
    # Only now: few titles are so long, and it takes time to load.
    import regex

    size = end = 0
    for cluster in regex.finditer(r"\X", text):
        size += len(cluster[0].encode())
        if size > max_bytes:
            break
        end = cluster.end()
    return text[:end]
