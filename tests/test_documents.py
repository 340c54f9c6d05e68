"""What begins like this is no media, and is called by its name; what is media is never taken for anything else."""

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.documents import HEAD, MAX_HEAD, needed, recognize, title_of
from podcrawler.sites.choice import Kind, kind_of
from tests.origin import content
from tests.store.record_files import FILES

JUNK = b"".join(content(3000, seed=1))
PAGE = b"<!DOCTYPE html><html><head><title>Not &amp; found</title></head><body><p>Sorry.</p></body></html>"
ZIP = b"PK\x03\x04" + bytes(26)

#: By extension, the beginnings of files, by the specifications of their formats; and part of the name.
BEGINNINGS: list[tuple[str, str, bytes]] = [
    ("pdf", "a PDF document", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + JUNK),
    ("pdf", "a PDF document", b"\r\n\r\n%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + JUNK),
    ("ps", "a PostScript document", b"%!PS-Adobe-3.0\n%%Title: x\n"),
    ("rtf", "an RTF document", b"{\\rtf1\\ansi Hello}"),
    ("doc", "an OLE2 file", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + JUNK),
    ("djvu", "a DjVu document", b"AT&TFORM\0\0\x10\0DJVMDIRM" + JUNK),
    ("chm", "a CHM help file", b"ITSF\x03\0\0\0\x60\0\0\0" + JUNK),
    ("mobi", "an e-book (MOBI)", b"A book".ljust(60, b"\0") + b"BOOKMOBI" + bytes(20) + JUNK),
    ("epub", "an e-book (EPUB)", ZIP + b"mimetypeapplication/epub+zip" + JUNK),
    ("fb2", "an e-book (FictionBook)", b'<?xml version="1.0"?><FictionBook xmlns="http://x.example">'),
    ("odt", "an OpenDocument file", ZIP + b"mimetypeapplication/vnd.oasis.opendocument.text" + JUNK),
    ("docx", "a Microsoft Office document", ZIP + b"[Content_Types].xml" + JUNK),
    ("png", "a picture (PNG)", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + JUNK),
    ("jpg", "a picture (JPEG)", b"\xff\xd8\xff\xe0\0\x10JFIF\0" + JUNK),
    ("jpg", "a picture (JPEG)", b"\xff\xd8\xff\xdb" + JUNK),
    ("gif", "a picture (GIF)", b"GIF89a\x01\0\x01\0" + JUNK),
    ("webp", "a picture (WebP)", b"RIFF\x2c\x01\0\0WEBPVP8 " + JUNK),
    ("bmp", "a picture (BMP)", b"BM\x36\x10\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0" + JUNK),
    ("tif", "a picture (TIFF)", b"II*\0\x08\0\0\0" + JUNK),
    ("tif", "a picture (TIFF)", b"MM\0*\0\0\0\x08" + JUNK),
    ("ico", "a picture (icon)", b"\0\0\x01\0\x02\0\x20\x20\0\0\x01\0\x20\0" + JUNK),
    ("avif", "a picture (AVIF)", b"\0\0\0\x20ftypavif\0\0\0\0" + JUNK),
    ("heic", "a picture (HEIC)", b"\0\0\0\x18ftypheic\0\0\0\0" + JUNK),
    ("heic", "a picture (HEIC)", b"\0\0\0\x18ftypmif1\0\0\0\0" + JUNK),
    ("jxl", "a picture (JPEG XL)", b"\0\0\0\x0cJXL \r\n\x87\n" + JUNK),
    ("jxl", "a picture (JPEG XL)", b"\xff\x0a\xfa\x7f" + JUNK),
    ("jp2", "a picture (JPEG 2000)", b"\0\0\0\x0cjP  \r\n\x87\n" + JUNK),
    ("psd", "a picture (PSD)", b"8BPS\0\x01" + JUNK),
    ("svg", "a picture (SVG)", b'<svg xmlns="http://www.w3.org/2000/svg"><title>x</title><p/></svg>'),
    ("svg", "a picture (SVG)", b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made by hand -->\n<!DOCTYPE svg><svg>'),
    ("swf", "a Flash film", b"CWS\x0a" + JUNK),
    ("zip", "a ZIP archive", ZIP + b"episode.mp3" + JUNK),
    ("zip", "a ZIP archive", b"PK\x05\x06" + bytes(18)),
    ("7z", "an archive of files (7z)", b"7z\xbc\xaf\x27\x1c\0\x04" + JUNK),
    ("rar", "an archive of files (RAR)", b"Rar!\x1a\x07\x01\0" + JUNK),
    ("gz", "a compressed file (gzip)", b"\x1f\x8b\x08\x08" + JUNK),
    ("bz2", "a compressed file (bzip2)", b"BZh91AY&SY" + JUNK),
    ("xz", "a compressed file (xz)", b"\xfd7zXZ\0\0\x04" + JUNK),
    ("zst", "a compressed file (zstd)", b"\x28\xb5\x2f\xfd" + JUNK),
    ("lz4", "a compressed file (lz4)", b"\x04\x22\x4d\x18" + JUNK),
    ("tar", "an archive of files (tar)", b"episode.mp3".ljust(257, b"\0") + b"ustar\x0000" + JUNK),
    ("tar", "an archive of files (tar)", b"episode.mp3".ljust(257, b"\0") + b"ustar  \0" + JUNK),
    ("cab", "an archive of files (CAB)", b"MSCF\0\0\0\0" + JUNK),
    ("deb", "an archive of files (deb, ar)", b"!<arch>\ndebian-binary   1"),
    ("rpm", "an archive of files (RPM)", b"\xed\xab\xee\xdb\x03\0" + JUNK),
    ("arj", "an archive of files (ARJ)", b"\x60\xea\x28\0\x1e\x0b\x01\0\x10\0\x02" + JUNK),
    ("lzh", "an archive of files (LHA)", b"\x24\x5c-lh5-" + JUNK),
    ("dmg", "a disk image", b"x\x01s\rbb`" + JUNK),
    ("iso", "a disk image", bytes(32768) + b"\x01CD001\x01\0" + JUNK),
    ("exe", "a program (EXE)", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff" + JUNK),
    ("elf", "a program (ELF)", b"\x7fELF\x02\x01\x01" + bytes(9) + JUNK),
    ("dylib", "a program (Mach-O)", b"\xcf\xfa\xed\xfe\x07\0\0\x01" + JUNK),
    ("dylib", "a program (Mach-O)", b"\xfe\xed\xfa\xce\0\0\0\x12" + JUNK),
    ("dylib", "a program (Mach-O)", b"\xca\xfe\xba\xbe\0\0\0\x02" + JUNK),
    ("class", "a program (Java)", b"\xca\xfe\xba\xbe\0\0\0\x41" + JUNK),
    ("wasm", "a program (WebAssembly)", b"\0asm\x01\0\0\0" + JUNK),
    ("sh", "a program (script)", b"#!/bin/sh\necho hello\n"),
    ("sh", "a program (script)", b"#! /bin/sh\n" + JUNK),
    ("ttf", "a font (TrueType)", b"\0\x01\0\0\0\x12\x01\0" + JUNK),
    ("otf", "a font (OpenType)", b"OTTO\0\x0b" + JUNK),
    ("woff", "a font (WOFF)", b"wOF2\0\x01\0\0" + JUNK),
    ("db", "an SQLite database", b"SQLite format 3\0\x10\0" + JUNK),
    ("rsrc", "what a Mac keeps beside a file", b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " + JUNK),
    ("torrent", "a torrent", b"d8:announce35:http://tracker.example:6969/announce" + JUNK),
    ("torrent", "a torrent", b"d4:infod6:lengthi7e4:name1:aee"),
    ("torrent", "a torrent", b"d13:creation datei1e4:infod4:name1:a" + JUNK),
    ("torrent", "a torrent", b"d3:abc1:x4:infod4:name1:a" + JUNK),
    ("meta4", "Metalink", b'<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink">'),
    ("m3u8", "an HLS playlist (a stream", b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:6,\na.ts\n"),
    ("m3u", "a playlist (M3U)", b"\xef\xbb\xbf#EXTM3U\n#EXTINF:6,x\na.mp3\n"),
    ("m3u", "a playlist (M3U)", b"https://h.example/1.mp3\n\nhttp://h.example/2.mp3\n"),
    ("m3u", "a playlist (M3U)", b"# one\r\nrtsp://h.example/1\r\nmms://h.example/2\r\n"),
    ("m3u", "a playlist (M3U)", b"first part.mp3\nC:\\Music\\second part.mp3\n"),
    ("m3u", "a playlist (M3U)", b"audio/first.mp3"),
    ("pls", "a playlist (PLS)", b"[Playlist]\nFile1=http://h.example/1.mp3\n"),
    ("xspf", "a playlist (XSPF)", b'<?xml version="1.0"?>\n<playlist version="1" xmlns="http://xspf.org/ns/0/">'),
    ("asx", "a playlist (ASX)", b'<ASX version="3.0"><entry><ref href="mms://h.example"/></entry></ASX>'),
    ("asx", "a playlist (ASX)", b"[Reference]\r\nRef1=http://h.example/1.asf?MSWMExt=.asf\r\n"),
    ("smil", "a playlist (SMIL)", b"<smil><body><audio src='1.mp3'/></body></smil>"),
    ("smil", "a playlist (SMIL)", b'<?wpl version="1.0"?>\r\n<smil><head><title>x</title></head>'),
    ("mpd", "a DASH manifest (a stream", b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">'),
    ("vtt", "a file of subtitles", b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n"),
    ("vtt", "a file of subtitles", b"1\r\n00:00:00,000 --> 00:00:01,000\r\nHello\r\n"),
    ("cue", "a cue sheet", b'PERFORMER "x"\nFILE "a.wav" WAVE\n  TRACK 01 AUDIO\n'),
    ("html", "a web page", PAGE),
    ("html", "a web page", b"\xef\xbb\xbf\xef\xbb\xbf\r\n\0\0" + PAGE),
    ("html", "a web page", b" \r\n\t" * 5000 + PAGE),
    ("html", "a web page", bytes(20_000) + PAGE),
    ("html", "a web page", b"<!-- " + b"x" * 20_000 + b" -->\n<!-->\n" + PAGE),
    ("html", "a web page", b'<?xml version="1.0"?>' + b"\n" * 20_000 + b"<html></html>"),
    ("html", "a web page", ("\ufeff" + " " * 20_000 + PAGE.decode()).encode("utf-16-le")),
    ("html", "a web page", ("<!-- " + "x" * 9000 + " -->" + PAGE.decode()).encode("utf-16-be")),
    ("xml", "an XML document", b"<?xml version='1.0'?><rss><item><![CDATA[<p>x</p>]]></item></rss>"),
    ("json", "a JSON document", b' {"error": "expired"}'),
    ("txt", "text", b"Cannot open /var/www/episode one.mp3\n"),
    ("txt", "text", b"Please go to https://h.example/1.mp3"),
    ("", "nothing but zeros", bytes(100_000)),
    ("", "nothing but zeros", bytes(1)),
    ("", "nothing but blanks", b" \r\n" * 30_000),
    ("", "nothing but blanks", b"\xef\xbb\xbf"),
    ("", "nothing but bytes 0xFF", b"\xff" * 100_000),
]


@pytest.mark.parametrize(("extension", "name", "beginning"), BEGINNINGS, ids=[name for _, name, _ in BEGINNINGS])
def test_what_is_no_media_is_known_by_its_bytes(extension: str, name: str, beginning: bytes) -> None:
    found = recognize(beginning)
    assert found
    assert found.name.startswith(name) or name in found.name
    assert extension in found.extensions or not found.extensions


@pytest.mark.parametrize("beginning", [b"Sorry. " * 800 + bytes(99), *(beginning for _, _, beginning in BEGINNINGS)])
def test_more_bytes_than_are_needed_make_no_difference(beginning: bytes) -> None:
    assert recognize(beginning[: needed(beginning)]) == recognize(beginning)


def test_what_stands_in_for_a_file_is_told_from_another_kind_of_file() -> None:
    stands_in = {name for _, name, beginning in BEGINNINGS if (kind := recognize(beginning)) and kind.stands_in}
    assert stands_in == {"a web page", "an XML document", "a JSON document", "text"} | {
        "nothing but zeros",
        "nothing but blanks",
        "nothing but bytes 0xFF",
    }


#: What is media, or may be.
MEDIA = {
    **{path.name: path.read_bytes() for path in sorted(FILES.iterdir())},
    "MPEG frames": b"\xff\xfb\x90\xc4" + JUNK,
    "MPEG frames behind zeros": bytes(9000) + b"\xff\xfb\x90\xc4" + JUNK,
    "MPEG frames behind 0xFF": b"\xff" * 9000 + b"\xfb\x90\xc4" + JUNK,
    "MPEG frames behind blanks": b"\r\n" * 3000 + b"\xff\xfb\x90\xc4" + JUNK,
    "MPEG frames behind junk": JUNK + b"\xff\xfb\x90\xc4" + JUNK,
    "MPEG frames behind a head": b"ICY 200 OK\r\nicy-name: x\r\n\r\n\xff\xfb\x90\xc4" + JUNK,
    "a tag with a picture": b"ID3\x04\0\0\0\x02\0\0APIC\0\0\x10\0\0\0\0image/png\0\x03\0\x89PNG\r\n\x1a\n" + JUNK,
    "a tag of APE": b"APETAGEX\xd0\x07\0\0" + JUNK,
    "QuickTime": b"\0\0\0\x08wide\0\0\x40\0mdat" + JUNK,
    "MP4 that begins with its index": b"\0\0\x01\0moov\0\0\0\x6cmvhd" + JUNK,
    "MP4 that begins with nothing": b"\0\0\0\x10free\0\0\0\0\0\0\0\0\0\x01\0\0mdat" + JUNK,
    "MP4 of a large first box": b"\0\x01\0\0mdat" + JUNK,
    "a fragment": b"\0\0\0\x18stypmsdh\0\0\0\0msdhmsix" + JUNK,
    "MPEG video": b"\0\0\x01\xb3\x16\x01\x20" + JUNK,
    "MPEG program": b"\0\0\x01\xba\x44\0\x04\0" + JUNK,
    "M2TS": (b"\0\0\0\0G" + bytes(187)) * 20,
    "RealAudio": b".ra\xfd\0\x04\0\0" + JUNK,
    "AMR, its first bytes": b"#!AMR\n",
    "wide-band AMR": b"#!AMR-WB\n\x04" + JUNK,
    "MIDI": b"MThd\0\0\0\x06\0\x01\0\x02\0\x60MTrk" + JUNK,
    "APE": b"MAC \x96\x0f\0\0" + JUNK,
    "Musepack": b"MPCKSH\x0c" + JUNK,
    "Musepack 7": b"MP+\x07" + JUNK,
    "DSF": b"DSD \x1c\0\0\0\0\0\0\0" + JUNK,
    "DTS": b"\x7f\xfe\x80\x01" + JUNK,
    "AC-3": b"\x0b\x77" + JUNK,
    "module": b"Extended Module: x".ljust(37) + b"\x1aTracker\0" + JUNK,
    "junk": JUNK,
    "junk like an EXE": b"MZ\x90\x77" + JUNK,
    "junk like a BMP": b"BM" + JUNK,
}


@pytest.mark.parametrize("name", MEDIA)
def test_media_is_never_taken_for_anything_else(name: str) -> None:
    assert recognize(MEDIA[name]) is None


@pytest.mark.parametrize(
    ("beginning", "size"),
    [
        (b"", HEAD),
        (b"ID3", HEAD),
        (JUNK * 2, HEAD),
        (b" " * HEAD, 2 * HEAD),
        (bytes(5 * HEAD), 8 * HEAD),
        (b" " * HEAD + PAGE, 2 * HEAD),
        (b"<!--" + b"x" * HEAD, 2 * HEAD),
        (b'<?xml version="1.0"?>' + b" " * HEAD, 2 * HEAD),
        (b"\xff" * 100 * HEAD, MAX_HEAD),
        (b" " * 100 * HEAD, MAX_HEAD),
    ],
)
def test_more_is_needed_where_the_bytes_show_nothing(beginning: bytes, size: int) -> None:
    assert needed(beginning) == size


@pytest.mark.parametrize("form", [lambda x: x, lambda x: x.decode().encode("utf-16")], ids=["ASCII", "UTF-16"])
def test_a_page_has_a_title(form: Callable[[bytes], bytes]) -> None:
    assert title_of(form(PAGE)) == "Not & found"
    assert title_of(form(b"<html><title lang='en'>\n a\x1b[31m\t b " + b"c" * 200 + b"</title>")) == (
        "a[31m b " + "c" * 72
    )
    assert title_of(form(b"<html><p>no title</p>")) == ""


PATTERNS = [
    *(
        b" ",
        b"\n",
        b"\0",
        b"\xff",
        b"a",
        b"<",
        b"<!--",
        b"<!-->",
        b"<!---->",
        b"<?a?>",
        b"<?xml ",
        b"<!a>",
        b"<!doctype ",
    ),
    *(
        b"<title",
        b"<title>",
        b"<title a",
        b"<html ",
        b"&amp",
        b"http://a\n",
        b"http://",
        b"a.mp",
        b"a b.mp3\n",
        b"d1:",
        b"#\n",
    ),
    *(b"1\n", b"{", b"[", b" \0", b"<\0", b"\0<", b"#EXTM3U\n", b"REM \n", b"\xef\xbb\xbf"),
]


@pytest.mark.parametrize("beginning", [b"", b"<!doctype", b"<title", b"<?xml", b"http://", b"\xff\xfe"])
def test_no_document_takes_long(beginning: bytes) -> None:
    """Each a hundred times the time of what it may take in fact: the time of a search that goes back grows by the
    square, and so to seconds."""
    for pattern in PATTERNS:
        document = (beginning + pattern * MAX_HEAD)[:MAX_HEAD]
        started = time.process_time()
        recognize(document)
        title_of(document)
        assert time.process_time() - started < 2, pattern


@given(
    st.lists(st.one_of(st.sampled_from([b for _, _, b in BEGINNINGS] + PATTERNS), st.binary()), max_size=4),
    st.integers(0, 9000),
)
def test_nothing_upsets_it(pieces: list[bytes], size: int) -> None:
    head = b"".join(pieces)[:size]
    recognize(head)
    title_of(head)
    assert HEAD <= needed(head) <= MAX_HEAD


def test_what_is_no_media_is_none_by_its_extension_either() -> None:
    """Except those of scripts, which send files, and those that are domains or shorter than a name."""
    kinds = [recognize(beginning) for _, _, beginning in BEGINNINGS]
    endings = {kind.extensions[0] for kind in kinds if kind and kind.extensions}
    assert {end for end in endings if not re.fullmatch("[a-z0-9]{1,10}", end)} == set()
    scripts = {"sh", "class", "elf", "dylib", "db", "rsrc"}
    assert {end for end in endings - scripts if kind_of("", f"https://h.example/1.{end}") is not Kind.OTHER} == set()
