"""The media types of archived files, and of what lies beside them, by their extensions: the one that players know best
for each."""

from podcrawler.store.names import UNKNOWN_EXTENSION

_UNKNOWN = "application/octet-stream"
_AUDIO = {
    "aac": "aac",
    "ac3": "ac3",
    "aif": "aiff",
    "aiff": "aiff",
    "amr": "amr",
    "ape": "x-ape",
    "au": "basic",
    "caf": "x-caf",
    "dff": "x-dff",
    "dsf": "x-dsf",
    "flac": "flac",
    "m4a": "mp4",
    "m4b": "mp4",
    "mid": "midi",
    "mka": "x-matroska",
    "mp2": "mpeg",
    "mp3": "mpeg",
    "mpc": "x-musepack",
    "mpga": "mpeg",
    "oga": "ogg",
    "ogg": "ogg",
    "opus": "ogg",
    "ra": "x-realaudio",
    "spx": "ogg",
    "tta": "x-tta",
    "w64": "x-w64",
    "wav": "wav",
    "wma": "x-ms-wma",
    "wv": "x-wavpack",
}
_VIDEO = {
    "3g2": "3gpp2",
    "3gp": "3gpp",
    "asf": "x-ms-asf",
    "avi": "x-msvideo",
    "flv": "x-flv",
    "m2ts": "mp2t",
    "m4v": "x-m4v",
    "mkv": "x-matroska",
    "mov": "quicktime",
    "mp4": "mp4",
    "mpeg": "mpeg",
    "mpg": "mpeg",
    "ogv": "ogg",
    "rm": "vnd.rn-realvideo",
    "ts": "mp2t",
    "webm": "webm",
    "wmv": "x-ms-wmv",
}
#: Pictures that browsers show, and the files with words and chapters, by their extensions.
PICTURES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "avif": "image/avif",
    "svg": "image/svg+xml",
}
_TEXTS = {
    "htm": "text/html",
    "html": "text/html",
    "json": "application/json",
    "srt": "application/x-subrip",
    "txt": "text/plain",
    "vtt": "text/vtt",
}
_CHAPTERS = ".chapters.json"
#: What transcripts in HTML end with, so that servers take them for plain text.
HIDDEN_HTML = ".html.txt"
#: Containers that have audio alone as often as not.
_EITHER = frozenset(("3gp", "mp4", "ogg", "webm"))


def media_type(name: str, *told: str) -> str:
    """The type of a file with this name. ``told`` are those that the publisher and its server gave, best first; they
    decide only what the extension leaves open."""
    extension = name.rpartition(".")[2].lower()
    kinds = [kind for text in told for kind in [text.partition("/")[0].strip().lower()] if kind in ("audio", "video")]
    if extension == UNKNOWN_EXTENSION:
        known = [text.partition(";")[0].strip().lower() for text in told]
        return next((text for text in known if text.startswith(("audio/", "video/"))), _UNKNOWN)
    subtype = _AUDIO.get(extension) or _VIDEO.get(extension)
    if subtype is None:
        return _UNKNOWN
    kind = "audio" if extension in _AUDIO else "video"
    return f"{kinds[0] if kinds and extension in _EITHER else kind}/{subtype}"


def beside_type(name: str) -> str:
    """The type of a file beside a media file; empty if its extension tells none."""
    name = name.lower()
    if name.endswith(_CHAPTERS):
        return "application/json+chapters"
    if name.endswith(HIDDEN_HTML):
        return "text/html"
    extension = name.rpartition(".")[2]
    return PICTURES.get(extension) or _TEXTS.get(extension, "")


def type_of(name: str) -> str:
    """The type that any file of an archive is served with, by its name alone; empty if that tells none."""
    known = media_type(name)
    served = "text/plain" if name.lower().endswith(HIDDEN_HTML) else beside_type(name)
    return served if known == _UNKNOWN else known
