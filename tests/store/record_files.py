"""Makes the small media files of the tests with ffmpeg, so that the tests need none: a third of a second of a tone.

``python -m tests.store.record_files`` writes tests/store/files. What ffmpeg has no muxer option for (an ID3 tag before
AAC) is put together here from what it wrote.
"""

import base64
import subprocess
from pathlib import Path

FILES = Path(__file__).parent / "files"

_TONE = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.3:sample_rate=8000"]
_PICTURE = ["-f", "lavfi", "-i", "color=size=32x32:rate=5:duration=0.4"]
#: The same with three chapters.
_CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=100
title=Beginning
[CHAPTER]
TIMEBASE=1/1000
START=100
END=250
title=第二章
[CHAPTER]
TIMEBASE=1/1000
START=250
END=300
title=End
"""
_IN_CHAPTERS = ["-f", "ffmetadata", "-i", "data:text/plain;base64," + base64.b64encode(_CHAPTERS.encode()).decode()]
_TOLD = [*_TONE, *_IN_CHAPTERS, "-map_metadata", "1", "-map", "0:a"]
_SMALL = ["-b:a", "8k"]
_UNTAGGED = ["-id3v2_version", "0", "-write_xing", "0"]
#: By name: the input, and the options that make the file of it.
_RECIPES: dict[str, tuple[list[str], list[str]]] = {
    "tagged.mp3": (_TONE, [*_SMALL, "-metadata", "title=A tone"]),
    "chapters.mp3": (_TOLD, [*_SMALL, "-write_xing", "0"]),
    "chapters.m4a": (_TOLD, [*_SMALL, "-f", "ipod"]),
    "chapters.mov": (_TOLD, ["-c:a", "pcm_u8"]),
    "untagged.mp3": (_TONE, [*_SMALL, *_UNTAGGED]),
    "adts.aac": (_TONE, _SMALL),
    "audio.m4a": (_TONE, [*_SMALL, "-f", "ipod"]),
    "book.m4b": (_TONE, [*_SMALL, "-f", "ipod", "-brand", "M4B "]),
    "audio.mp4": (_TONE, _SMALL),
    "fragmented.mp4": (_TONE, [*_SMALL, "-movflags", "frag_keyframe+empty_moov"]),
    "vorbis.ogg": (_TONE, ["-c:a", "libvorbis"]),
    "audio.opus": (_TONE, ["-c:a", "libopus", *_SMALL]),
    "audio.flac": (_TONE, ["-metadata_header_padding", "0", "-t", "0.1"]),
    "audio.wav": (_TONE, ["-c:a", "pcm_u8"]),
    "audio.webm": (_TONE, ["-c:a", "libopus", *_SMALL]),
    "audio.mkv": (_TONE, ["-c:a", "libopus", *_SMALL]),
    "live.webm": (_TONE, ["-c:a", "libopus", *_SMALL, "-live", "1"]),
    "audio.mov": (_TONE, ["-c:a", "pcm_u8"]),
    "audio.3gp": (_TONE, ["-c:a", "aac", *_SMALL]),
    "audio.aiff": (_TONE, ["-c:a", "pcm_s8"]),
    "audio.au": (_TONE, ["-c:a", "pcm_mulaw"]),
    "audio.avi": (_TONE, ["-c:a", "pcm_mulaw", "-t", "0.02", "-reserve_index_space", "0"]),
    "audio.caf": (_TONE, ["-c:a", "pcm_mulaw"]),
    "audio.wma": (_TONE, ["-c:a", "wmav1", "-b:a", "24k"]),
    "rf64.wav": (_TONE, ["-c:a", "pcm_u8", "-rf64", "always"]),
    "audio.w64": (_TONE, ["-c:a", "pcm_u8"]),
    "audio.tta": (_TONE, ["-c:a", "tta"]),
    "audio.wv": (_TONE, ["-c:a", "wavpack"]),
    "audio.rm": (_TONE, ["-c:a", "ac3", "-ar", "32000", "-b:a", "32k", "-t", "0.1"]),
    "audio.ts": (_TONE, ["-c:a", "mp2", "-ar", "16000", *_SMALL]),
    "audio.mpg": (_TONE, ["-c:a", "mp2", "-ar", "32000", "-b:a", "32k", "-f", "mpeg", "-t", "0.1"]),
    "audio.mp2": (_TONE, ["-c:a", "mp2", "-ar", "16000", *_SMALL]),
    "audio.flv": (_TONE, ["-c:a", "mp3", "-ar", "11025", *_SMALL]),
    "audio.amr": (_TONE, ["-c:a", "libopencore_amrnb"]),
    "video.mp4": (_PICTURE, ["-c:v", "mpeg4"]),
    "video.webm": (_PICTURE, ["-c:v", "libvpx"]),
}


def main() -> None:
    FILES.mkdir(exist_ok=True)
    for name, (source, options) in _RECIPES.items():
        quiet = ["-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
        command = ["ffmpeg", *quiet, *source, "-ac", "1", "-bitexact", "-fflags", "+bitexact", *options]
        subprocess.run([*command, str(FILES / name)], check=True)
    tag = (FILES / "tagged.mp3").read_bytes()
    size = int.from_bytes(tag[6:10], "big")
    # A size below 128 is the same with seven bits a byte.
    assert size < 128
    (FILES / "tagged.aac").write_bytes(tag[: 10 + size] + (FILES / "adts.aac").read_bytes())


if __name__ == "__main__":
    main()
