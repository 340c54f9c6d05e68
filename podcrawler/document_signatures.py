"""What files that are no media and no text begin with: documents, pictures, archives, programs, fonts, databases.

The table is our own, like that of store/sniff.py, because both must agree on every file. Where a format has but two or
three bytes of its own, more of its header is asked for: streams of MPEG frames may begin with any junk.
"""

_PICTURE, _FILES, _PROGRAM, _FONT = "a picture", "an archive of files", "a program", "a font"

#: Regular expressions (DOTALL) for the first bytes, what such a file is called in a sentence, and the extensions that
#: it may have, the usual one first. The first match counts.
SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    # Documents.
    (rb"%PDF-", "a PDF document", "pdf"),
    (rb"\x04?%!PS|\xc5\xd0\xd3\xc6", "a PostScript document", "ps eps ai"),
    (rb"\{\\rtf", "an RTF document", "rtf"),
    # [MS-CFB] §2.2.
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE2 file (Word, Excel, PowerPoint, MSI)", "doc xls ppt msi msg db"),
    (rb"AT&TFORM.{4}DJV[UMI]", "a DjVu document", "djvu djv"),
    (rb"ITSF[\x02-\x04]\0\0\0", "a CHM help file", "chm"),
    (rb"ITOLITLS|TPZ", "an e-book", "lit azw"),
    (rb"\xffWPC", "a WordPerfect document", "wpd"),
    # EPUB 3.3 (OCF) §4.2: the first file in the archive is "mimetype", stored as it is.
    (rb"PK\x03\x04.{26}mimetypeapplication/epub\+zip", "an e-book (EPUB)", "epub"),
    (rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis\.open", "an OpenDocument file", "odt ods odp odg"),
    (rb"PK\x03\x04.{26}\[Content_Types\]\.xml", "a Microsoft Office document", "docx xlsx pptx"),
    # Pictures.
    (rb"\x89PNG\r\n\x1a\n|\x8a[MJ]NG\r\n\x1a\n", f"{_PICTURE} (PNG)", "png"),
    (rb"\xff\xd8\xff", f"{_PICTURE} (JPEG)", "jpg jpeg jpe jfif"),
    (rb"GIF8[79]a", f"{_PICTURE} (GIF)", "gif"),
    (rb"RIFF.{4}WEBP", f"{_PICTURE} (WebP)", "webp"),
    (rb"BM.{4}\0{4}.{2}\0\0[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", f"{_PICTURE} (BMP)", "bmp dib"),
    (rb"II[*+]\0|MM\0[*+]", f"{_PICTURE} (TIFF)", "tif tiff"),
    (rb"\0\0[\x01\x02]\0[\x01-\x40]\0...\0|icns|RIFF.{4}ACON", f"{_PICTURE} (icon)", "ico cur icns ani"),
    (rb".{4}ftyp(?:avif|avis)", f"{_PICTURE} (AVIF)", "avif"),
    (rb".{4}ftyp(?:hei[cxms]|hev[cxms]|mif[12]|msf1|crx )", f"{_PICTURE} (HEIC)", "heic heif"),
    (rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a(?![\0\xff])", f"{_PICTURE} (JPEG XL)", "jxl"),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", f"{_PICTURE} (JPEG 2000)", "jp2 j2k"),
    (rb"8BPS\0[\x01\x02]", f"{_PICTURE} (PSD)", "psd psb"),
    (rb"gimp xcf", f"{_PICTURE} (XCF)", "xcf"),
    (rb"FLIF|qoif|DDS |v/1\x01|II\xbc\x01|\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", _PICTURE, "qoi dds exr jxr wmf emf"),
    (rb"[FCZ]WS[\x01-\x40]", "a Flash film", "swf"),
    # Archives.
    (rb"PK(?:\x03\x04|\x05\x06|\x07\x08)", "a ZIP archive", "zip cbz jar apk ipa kmz xpi"),
    (rb"7z\xbc\xaf\x27\x1c", f"{_FILES} (7z)", "7z cb7"),
    (rb"Rar!\x1a\x07|RE~\x5e", f"{_FILES} (RAR)", "rar cbr"),
    (rb"\x1f\x8b\x08[\0-\x1f]", "a compressed file (gzip)", "gz tgz"),
    (rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", "a compressed file (bzip2)", "bz2 tbz"),
    (rb"\xfd7zXZ\0", "a compressed file (xz)", "xz txz"),
    (rb"\x28\xb5\x2f\xfd", "a compressed file (zstd)", "zst"),
    (rb"\x04\x22\x4d\x18", "a compressed file (lz4)", "lz4"),
    (rb"LZIP\x01|\x89LZO\0|\x5d\0\0.{2}\xff{8}", "a compressed file (LZ)", "lz lzo lzma"),
    (rb"\x1f\x9d[\x89-\x90]", "a compressed file (compress)", "z"),
    (rb"MSCF\0\0\0\0|ISc\(|MSWIM\0\0\0", f"{_FILES} (CAB)", "cab wim"),
    (rb"!<arch>\n", f"{_FILES} (deb, ar)", "deb ar a"),
    (rb"\xed\xab\xee\xdb", f"{_FILES} (RPM)", "rpm"),
    (rb"\x60\xea.[\0-\x0a][\x1e-\x30].{5}\x02", f"{_FILES} (ARJ)", "arj"),
    (rb"..-l[hz][0-9ds]-", f"{_FILES} (LHA)", "lzh lha"),
    (rb".{7}\*\*ACE\*\*|.{20}\xdc\xa7\xc4\xfd|StuffIt |SIT!|0707[01][0127]|Cr24", _FILES, "ace zoo sit cpio crx"),
    (rb"xar!\0\x1c", f"{_FILES} (XAR)", "xar pkg"),
    # Of most images of Apple the mark is at the end. This is an empty table of partitions, compressed.
    (rb"x\x01s\rbb\x60|encrcdsa|ER\x02\0", "a disk image", "dmg"),
    (rb"\x01CD001\x01|hsqs|QFI\xfb|KDMV|conectix", "a disk image", "iso img"),
    # Programs.
    (rb"MZ.[\0\x01]", f"{_PROGRAM} (EXE)", "exe dll com scr"),
    (rb"\x7fELF", f"{_PROGRAM} (ELF)", "elf so o"),
    # Java's class files have the same mark, and a version from 45 where these have the number of programs.
    (rb"\xca\xfe\xba\xbe\0\0\0[\x01-\x2c]|\xca\xfe\xba\xbf", f"{_PROGRAM} (Mach-O)", "dylib"),
    (rb"\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|[\xbe\xbf]\xba\xfe\xca", f"{_PROGRAM} (Mach-O)", "dylib"),
    (rb"\xca\xfe\xba\xbe", f"{_PROGRAM} (Java)", "class"),
    (rb"\0asm[\x01\r]\0", f"{_PROGRAM} (WebAssembly)", "wasm"),
    (rb"dex\n03", f"{_PROGRAM} (Android)", "dex"),
    (rb"#!(?!AMR)[ \t]*/", f"{_PROGRAM} (script)", "sh py pl"),
    (rb"L\0\0\0\x01\x14\x02\0", "a link of Windows", "lnk"),
    # Fonts.
    (rb"\0\x01\0\0\0[\x01-\x7f]|true\0|ttcf\0[\x01\x02]\0\0", f"{_FONT} (TrueType)", "ttf ttc"),
    (rb"OTTO\0", f"{_FONT} (OpenType)", "otf"),
    (rb"wOF[F2]", f"{_FONT} (WOFF)", "woff woff2"),
    # What else there is.
    (rb"SQLite format 3\0", "an SQLite database", "db"),
    (rb"\0\x01\0\0Standard (?:Jet|ACE) DB", "an Access database", "mdb accdb"),
    (rb"\0\x05\x16[\0\x07]\0[\x01\x02]\0\0", "what a Mac keeps beside a file (AppleDouble)", "rsrc"),
    (rb"bplist0", "a property list", "plist"),
)

#: Marks that are further inside, by their place: as above, but plain bytes.
INNER_MARKS: tuple[tuple[int, bytes, str, str], ...] = (
    # POSIX.1-1988 (ustar) and GNU tar; older archives have no mark.
    (257, b"ustar", f"{_FILES} (tar)", "tar"),
    (60, b"BOOKMOBI", "an e-book (MOBI)", "mobi azw3 azw prc"),
    (60, b"TEXtREAd", "an e-book (PalmDoc)", "pdb prc"),
    # DICOM PS3.10 §7.1.
    (128, b"DICM", f"{_PICTURE} (DICOM)", "dcm"),
)
