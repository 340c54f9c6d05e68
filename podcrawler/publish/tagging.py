"""Writes tags into a copy of a media file: ID3v2.4 into MP3, atoms into MP4, Vorbis comments into Ogg and FLAC. What
the file has beside those that are written stays, and so does its sound.
"""

import base64
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from podcrawler.exceptions import PublishError
from podcrawler.publish.languages import three_letters
from podcrawler.publish.memory import bounded_memory
from podcrawler.publish.tags import GENRE, Picture, Tags
from podcrawler.store.fs_errors import FULL
from podcrawler.store.sniff import is_sound

try:
    import mutagen
    from mutagen import id3
    from mutagen.flac import FLAC
    from mutagen.flac import Picture as FlacPicture
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4, MP4Cover, MP4FreeForm
    from mutagen.oggflac import OggFLAC
    from mutagen.oggopus import OggOpus
    from mutagen.oggspeex import OggSpeex
    from mutagen.oggvorbis import OggVorbis
except ImportError as missing:
    raise PublishError(
        f"Tags need mutagen, which is not installed here ({missing.name}): pip install 'podcrawler[tags]'."
    ) from None

#: Bytes: a tag with several pictures needs some of them.
_MOST_MEMORY = 256 * 1024 * 1024
#: As ID3 numbers kinds of pictures, and others after it.
_FRONT_COVER = 3
#: UTF-8, as ID3 numbers encodings.
_UTF8 = 3
_UNKNOWN_LANGUAGE = "XXX"
_FREE_FORM = "----:com.apple.iTunes:"
#: Characters that ``desc`` may have.
_SHORT = 255
_MP4_PICTURES = {"image/jpeg": MP4Cover.FORMAT_JPEG, "image/png": MP4Cover.FORMAT_PNG}


def write_tagged(source: Path, target: Path, extension: str, tags: Tags) -> str:
    """Copy a file whose extension ``can_have_tags``, and write the tags into the copy; it has the file's times. Returns
    a sentence, and leaves the copy as the file is, if it cannot have tags. Raises OSError."""
    shutil.copy2(source, target)
    problem = _tag(target, extension, tags)
    if problem:
        shutil.copy2(source, target)
        return f"{problem}; it is a copy of the file as it is"
    times = source.stat()
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    return ""


def can_have_tags(extension: str) -> bool:
    """Whether tags can be written into files with this extension."""
    return extension in _WRITERS


def _tag(path: Path, extension: str, tags: Tags) -> str:
    """Write tags into a file; why that cannot be done, else empty."""
    try:
        with bounded_memory(_MOST_MEMORY):
            _WRITERS[extension](path, tags)
        with path.open("rb") as file:
            return (
                "" if is_sound(file, path.with_suffix(f".{extension}").name) else "with tags it would be no whole file"
            )
    except MemoryError:
        return "its tags need too much memory"
    except Exception as error:
        # A parser of what strangers wrote raises whatever it stumbles over; mutagen wraps the errors of the disk.
        inner = error.args[0] if isinstance(error, mutagen.MutagenError) and error.args else error
        if isinstance(inner, OSError) and inner.errno in FULL:
            raise inner from None
        return f"tags cannot be written into it ({str(error) or type(error).__name__})"


def _write_id3(path: Path, tags: Tags) -> None:
    file = MP3(path)
    if file.tags is None:
        file.add_tags()
    frames: Any = file.tags
    texts = {
        "TIT2": tags.title,
        "TALB": tags.album,
        "TPE1": tags.artist,
        "TPE2": tags.artist,
        "TDRC": tags.date,
        "TRCK": str(tags.track or ""),
        "TPOS": str(tags.disc or ""),
        "TCON": GENRE,
        "TLAN": three_letters(tags.language),
    }
    for name, text in texts.items():
        if text:
            frames.setall(name, [id3.Frames[name](encoding=_UTF8, text=[text])])
    if tags.comment:
        _replace(frames, "COMM", lambda frame: not frame.desc)
        language = three_letters(tags.language) or _UNKNOWN_LANGUAGE
        frames.add(id3.COMM(encoding=_UTF8, lang=language, desc="", text=[tags.comment]))
    if tags.url:
        # It is in Latin-1.
        frames.setall("WOAF", [id3.WOAF(url=quote(tags.url, safe="%/:=&?~#+!$,;'@()*[]"))])
    if tags.cover:
        _replace(frames, "APIC", lambda frame: frame.type == _FRONT_COVER)
        cover = tags.cover
        frames.add(id3.APIC(encoding=_UTF8, mime=cover.type, type=_FRONT_COVER, desc="Cover", data=cover.content))
    file.save(v2_version=4)


def _replace(frames: Any, name: str, is_replaced: Callable[[Any], bool]) -> None:
    frames.setall(name, [frame for frame in frames.getall(name) if not is_replaced(frame)])


def _write_mp4(path: Path, tags: Tags) -> None:
    file = MP4(path)
    if file.tags is None:
        file.add_tags()
    atoms: Any = file.tags
    texts = {
        "\xa9nam": tags.title,
        "\xa9alb": tags.album,
        "\xa9ART": tags.artist,
        "aART": tags.artist,
        "\xa9day": tags.date,
        "\xa9gen": GENRE,
        "\xa9cmt": tags.comment,
        "desc": tags.comment[:_SHORT],
        "ldes": tags.comment,
    }
    atoms.update({name: [text] for name, text in texts.items() if text})
    for name, number in (("trkn", tags.track), ("disk", tags.disc)):
        if number:
            atoms[name] = [(number, 0)]
    for name, text in (("LANGUAGE", tags.language), ("URL", tags.url)):
        if text:
            atoms[_FREE_FORM + name] = [MP4FreeForm(text.encode())]
    if tags.cover and (kind := _MP4_PICTURES.get(tags.cover.type)):
        atoms["covr"] = [MP4Cover(tags.cover.content, kind)]
    file.save()


def _write_flac(path: Path, tags: Tags) -> None:
    file = FLAC(path)
    if file.tags is None:
        file.add_tags()
    _comment(file.tags, tags)
    if tags.cover:
        others = [one for one in file.pictures if one.type != _FRONT_COVER]
        file.clear_pictures()
        for one in (*others, _flac_picture(tags.cover)):
            file.add_picture(one)
    file.save()


def _write_ogg(path: Path, tags: Tags) -> None:
    file: Any = mutagen.File(path, options=[OggOpus, OggVorbis, OggFLAC, OggSpeex])
    if file is None:
        raise ValueError("it has none of the codecs that tags are known of")
    _comment(file.tags, tags)
    if tags.cover:
        name = "metadata_block_picture"
        others = [text for text in file.tags.get(name, []) if _picture_type(text) != _FRONT_COVER]
        file.tags[name] = [*others, base64.b64encode(_flac_picture(tags.cover).write()).decode()]
    file.save()


def _comment(comments: Any, tags: Tags) -> None:
    texts = {
        "title": tags.title,
        "album": tags.album,
        "artist": tags.artist,
        "albumartist": tags.artist,
        "date": tags.date,
        "tracknumber": str(tags.track or ""),
        "discnumber": str(tags.disc or ""),
        "genre": GENRE,
        "description": tags.comment,
        "comment": tags.comment,
        "language": tags.language,
        "url": tags.url,
    }
    for name, text in texts.items():
        if text:
            comments[name] = [text]


def _flac_picture(cover: Picture) -> FlacPicture:
    picture = FlacPicture()
    picture.type, picture.mime, picture.desc, picture.data = _FRONT_COVER, cover.type, "Cover", cover.content
    return picture


def _picture_type(text: str) -> int | None:
    """The kind of a picture in a comment; None if it is broken."""
    try:
        return FlacPicture(base64.b64decode(text)).type
    except (ValueError, mutagen.MutagenError):
        return None


_WRITERS: dict[str, Callable[[Path, Tags], None]] = {
    "mp3": _write_id3,
    "mpga": _write_id3,
    "m4a": _write_mp4,
    "m4b": _write_mp4,
    "m4v": _write_mp4,
    "mp4": _write_mp4,
    "flac": _write_flac,
    "oga": _write_ogg,
    "ogg": _write_ogg,
    "opus": _write_ogg,
    "spx": _write_ogg,
}
