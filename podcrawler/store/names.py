"""How media files and folders are called (DESIGN, "Files"). Pure: names in, names out.

Ids and tokens come from Redis, titles and addresses from feeds: all are hostile. Every name in the store is made
here, so that none can lead outside of it.
"""

import hashlib
import posixpath
import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

#: UTF-8 bytes; file systems allow 255, and sidecars need room for endings of their own.
MAX_NAME_BYTES = 240
PART_SUFFIX = ".part"
UNTITLED = "untitled"
UNKNOWN_EXTENSION = "bin"

_PODCAST_ID = re.compile(r"[a-z0-9-]{1,60}")
_EPISODE_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EXTENSION = re.compile(r"(?!part$)[a-z0-9]{1,5}")

_SPACES = re.compile(r"\s+")
#: Controls that are no whitespace, bidi marks, the byte order mark, and halves of surrogate pairs.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_TWINS = str.maketrans('/:\\*?"<>|', "-：＼＊？＂＜＞｜")
_JOINER = "\u200d"
#: Skin tones and the tags of flags change the character before them, but are no marks in Unicode's terms.
_MODIFIERS = re.compile("[\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")

_MEDIA_EXTENSIONS = re.compile(
    "3g2|3gp|aac|ac3|aif|aiff|amr|ape|asf|avi|caf|dsf|flac|flv|m2ts|m4a|m4b|m4v|mka|mkv|mov|mp2|mp3|mp4|mpeg|mpg|"
    "mpga|oga|ogg|ogv|opus|ra|spx|ts|wav|webm|wma|wmv|wv"
)
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


def folder_name(podcast_id: str) -> str:
    """The folder of a podcast: its id. Raises ValueError if that is no podcast id."""
    return _checked(_PODCAST_ID, podcast_id, "podcast id")


def file_name(episode_id: str, title: str, extension: str) -> str:
    """``<episode id>.<title>.<extension>``, at most MAX_NAME_BYTES bytes of UTF-8 in NFC.

    Any title will do. Raises ValueError if the id is no episode id, or the extension is not ``[a-z0-9]{1,5}``.
    """
    begin = _checked(_EPISODE_ID, episode_id, "episode id") + "."
    end = "." + _checked(_EXTENSION, extension, "extension")
    return begin + _safe_title(title, MAX_NAME_BYTES - len(begin) - len(end)) + end


def disambiguated(name: str) -> str:
    """Another name for a file whose name something else has: a broken file, or one whose id differs in upper and lower
    case alone, which many disks (those of macOS and Windows) do not tell apart. With four hex digits of the id's
    SHA-256."""
    stem, _, ending = name.rpartition(".")
    episode_id = stem.partition(".")[0]
    mark = f"~{hashlib.sha256(episode_id.encode()).hexdigest()[:4]}.{ending}"
    return _cut(stem, MAX_NAME_BYTES - len(mark)) + mark


def same_on_some_disks(name: str, other: str) -> bool:
    """Whether two different names may be one and the same to a disk that does not tell cases apart."""
    return name != other and name.casefold() == other.casefold()


def part_name(episode_id: str, token: str) -> str:
    """``<episode id>.<token>.part``: a transfer in flight, under the lease that the token proves.

    Raises ValueError if either is illegal.
    """
    return f"{_checked(_EPISODE_ID, episode_id, 'episode id')}.{_checked(_TOKEN, token, 'token')}{PART_SUFFIX}"


def checkpoint_names(part_name: str) -> tuple[str, str]:
    """What is noted about a part, beside it: ``<episode id>.<token>.new.json.part`` while it is written, and
    ``<episode id>.<token>.json.part``."""
    begin = part_name.removesuffix(PART_SUFFIX)
    return f"{begin}.new.json{PART_SUFFIX}", f"{begin}.json{PART_SUFFIX}"


def of_episode(names: Iterable[str], episode_id: str) -> list[str]:
    """Those of the names that begin as all names of the episode's files do. Raises ValueError if the id is illegal.

    A folder may have tens of thousands, and is looked through for each episode: of one name no more is asked than this
    before it is known to be the episode's.
    """
    begin = _checked(_EPISODE_ID, episode_id, "episode id") + "."
    return [name for name in names if name.startswith(begin)]


def in_any_case(names: Iterable[str], episode_id: str) -> Iterator[str]:
    """Those of the names that ``of_episode`` would give if upper and lower case were one, as to some disks they are."""
    begin = episode_id.casefold() + "."
    return (name for name in names if name[: len(begin)].casefold() == begin)


def collides_ignoring_case(name: str, names: Iterable[str]) -> bool:
    """Whether ``same_on_some_disks`` is true of a name made by ``file_name`` and one of ``names``."""
    return any(same_on_some_disks(name, other) for other in in_any_case(names, name.partition(".")[0]))


def belongs_to(name: str, episode_id: str) -> bool:
    """Whether a file of this name is the media file of the episode. Raises ValueError if the id is illegal."""
    ending = name.rpartition(".")[2].lower()
    is_media = is_media_extension(ending) or ending == UNKNOWN_EXTENSION
    return is_media and name.startswith(_checked(_EPISODE_ID, episode_id, "episode id") + ".")


def is_part_of(name: str, episode_id: str) -> bool:
    """Whether a file of this name is a transfer of the episode, or noted about one. Raises ValueError if the id is
    illegal."""
    return name.startswith(_checked(_EPISODE_ID, episode_id, "episode id") + ".") and name.endswith(PART_SUFFIX)


def checkpointed_part(name: str) -> str | None:
    """The name of the part that a file of this name is noted about; None if it is a part itself."""
    episode_id, _, rest = name.partition(".")
    token, separator, ending = rest.removesuffix(PART_SUFFIX).partition(".")
    return f"{episode_id}.{token}{PART_SUFFIX}" if separator and ending in ("json", "new.json") else None


def is_media_extension(ending: str) -> bool:
    """Whether files that end so (without the dot, in any case) are audio or video."""
    return _MEDIA_EXTENSIONS.fullmatch(ending.lower()) is not None


def extension(types: Iterable[str], urls: Iterable[str]) -> str:
    """The extension for a media file whose bytes do not tell, ``[a-z0-9]{1,5}``: by the first of the media types that
    is known (RFC 9110 §8.3.1), else by the first address whose path ends in one; ``bin`` if nothing tells."""
    told = (*map(extension_of_type, types), *map(extension_of_url, urls))
    return next(filter(None, told), UNKNOWN_EXTENSION)


def extension_of_type(media_type: str) -> str:
    """What files of the media type end with; empty where it is none, or says nothing (``application/octet-stream``)."""
    return _MEDIA_TYPES.get(media_type.partition(";")[0].strip().lower(), "")


def extension_of_url(url: str) -> str:
    """The media extension that the path of the address ends with, empty if none; its query counts for nothing."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    # No Path, which would intern every part (disk.file_in).
    ending = posixpath.splitext(unquote(path).rstrip("/"))[1][1:].lower()
    return ending if is_media_extension(ending) else ""


def _checked(form: re.Pattern[str], value: str, what: str) -> str:
    if not form.fullmatch(value):
        raise ValueError(f"{value!r} cannot be the {what} of a file in the store; it must be like {form.pattern}")
    return value


def _safe_title(title: str, room: int) -> str:
    seen = _SPACES.sub(" ", _UNSEEN.sub("", title)).strip(" .")
    # Normalizing takes quadratic time on a long run of marks, which only a hostile title has.
    normal = unicodedata.normalize("NFC", seen[: 4 * MAX_NAME_BYTES])
    return _cut(normal.translate(_TWINS), room).rstrip(" .") or UNTITLED


def _cut(text: str, room: int) -> str:
    """The longest beginning of ``text`` that has at most ``room`` bytes of UTF-8 and ends with a whole character."""
    end = len(text.encode()[:room].decode(errors="ignore"))
    while 0 < end < len(text) and _is_one_character(text[end - 1], text[end]):
        end -= 1
    return text[:end]


def _is_one_character(left: str, right: str) -> bool:
    """Whether two code points in a row belong to what a reader sees as one character (after Unicode's UAX #29)."""
    return (
        _JOINER in (left, right) or unicodedata.category(right).startswith("M") or _MODIFIERS.match(right) is not None
    )
