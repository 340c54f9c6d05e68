"""Encodings, and what feeds say of them."""

from tests.sites.corpus.case import Case, Expected, item, rss


def _feed(title: str, label: str, more: str = "") -> str:
    return rss(item("tea", more, title=title), head=f'<?xml version="1.0" encoding="{label}"?>' if label else "")


def _case(name: str, title: str, encoding: str, label: str, content_type: str = "text/xml", seen: str = "") -> Case:
    body = _feed(title, label).encode(encoding)
    return Case(name, body, [Expected(title=seen or title)], content_type=content_type)


CASES = [
    _case("utf-8", "Tea – 茶 🍵", "utf-8", "UTF-8"),
    _case("utf-8-with-bom", "Tea – 茶", "utf-8-sig", ""),
    _case("utf-8-called-latin-1", "Thé – 茶", "utf-8", "ISO-8859-1"),
    _case("utf-8-called-big5", "雨天的茶", "utf-8", "Big5"),
    _case("utf-8-called-windows-1251", "Чай", "utf-8", "windows-1251"),
    _case("utf-8-called-utf-16", "Thé", "utf-8", "UTF-16"),
    _case("utf-8-called-nothing-known", "Thé", "utf-8", "utf8mb4"),
    _case("utf-16-with-bom", "Thé 茶", "utf-16", "UTF-16"),
    Case(
        "utf-16-big-endian-with-bom",
        ("\ufeff" + _feed("Thé 茶", "UTF-16")).encode("utf-16-be"),
        [Expected(title="Thé 茶")],
    ),
    _case("utf-16-little-endian-without-bom", "Thé 茶", "utf-16-le", "UTF-16"),
    _case("utf-16-big-endian-without-bom", "Thé 茶", "utf-16-be", ""),
    _case("utf-32-with-bom", "Thé 茶", "utf-32", "UTF-32"),
    _case("utf-32-big-endian-without-bom", "Thé 茶", "utf-32-be", "UTF-32"),
    _case("utf-32-little-endian-without-bom", "Thé 茶", "utf-32-le", ""),
    Case(
        "utf-8-behind-the-bom-of-utf-16", b"\xff\xfe" + _feed("Thé 茶", "UTF-16").encode(), [Expected(title="Thé 茶")]
    ),
    Case("utf-16-of-an-odd-length", _feed("Thé", "").encode("utf-16") + b"\x00", [Expected(title="Thé")]),
    _case("windows-1252-called-latin-1", "It’s “free” – 5€", "cp1252", "ISO-8859-1"),
    _case("windows-1252-called-ascii", "Café’s", "cp1252", "US-ASCII"),
    _case("windows-1252-called-utf-8", "Café", "cp1252", "UTF-8"),
    _case("windows-1252-called-nothing", "Café “x”", "cp1252", ""),
    _case("windows-1252-called-x-cp1252", "5€", "cp1252", "x-cp1252"),
    _case("latin-9", "5€ œuvre", "iso8859-15", "ISO-8859-15"),
    _case("windows-1251", "Чай и дождь", "cp1251", "windows-1251"),
    *(
        Case(
            f"{encoding}-of-the-language-{language}-{label}",
            rss(
                item(title=title),
                channel=f"<title>Weather</title><language>{language}</language>",
                head=f'<?xml version="1.0" encoding="{label}"?>' if label else "",
            ).encode(encoding),
            [Expected(title=title)],
        )
        for language, encoding, title in (
            ("zh-hk", "big5hkscs", "佢哋嘅茶"),
            ("zh_TW", "big5", "雨天的茶"),
            ("zh-cn", "gbk", "雨天的茶 朱镕基"),
            ("ja", "cp932", "第①回 茶と雨"),
            ("ja", "euc-jp", "茶と雨"),
            ("ko-KR", "cp949", "차와 비"),
            ("ru", "cp1251", "Чай и дождь"),
            ("pl", "iso8859-2", "Żółta herbata"),
            ("de", "cp1252", "Käse für 5€"),
            ("ja", "utf-8", "茶と雨"),
        )
        for label in ("", "UTF-8")
    ),
    _case("koi8-r", "Чай и дождь", "koi8-r", "KOI8-R"),
    _case("turkish", "Çay ve yağmur İ", "cp1254", "ISO-8859-9"),
    _case("thai", "ชากับฝน", "cp874", "TIS-620"),
    _case("greek", "Τσάι", "iso8859-7", "iso-8859-7"),
    _case("hebrew", "תה", "iso8859-8", "iso-8859-8-i"),
    _case("cp932-called-shift-jis", "第①回 ㈱茶髙", "cp932", "Shift_JIS"),
    _case("cp932-called-x-sjis", "茶と雨", "cp932", "x-sjis"),
    _case("shift-jis-with-tilde-and-backslash", "~tea\\茶", "cp932", "Shift_JIS"),
    _case("euc-jp", "茶と雨", "euc-jp", "EUC-JP"),
    _case("iso-2022-jp", "茶と雨", "iso2022-jp", "ISO-2022-JP"),
    _case("iso-2022-kr", "차와 비", "iso2022-kr", "ISO-2022-KR"),
    _case("hz", "雨天的茶", "hz", "HZ-GB-2312"),
    _case("utf-8-called-hz", "Thé 茶", "utf-8", "HZ-GB-2312"),
    *(
        _case(f"utf-8-encoded-twice-{title}", title.encode().decode("latin-1"), "utf-8", "UTF-8", seen=title)
        for title in ("Thé à la crème", "Émission", "Über Öl", "雨天的茶", "Чай – и “дождь”", "🍵")
    ),
    _case("utf-8-encoded-twice-as-windows-1252", "â€œThÃ©â€™s â‚¬5", "utf-8", "UTF-8", seen="“Thé’s €5"),
    *(
        _case(f"letters-that-look-as-if-encoded-twice-{title}", title, "utf-8", "UTF-8")
        for title in ("Ã© and é", "Thé\xa0…", "AMANHÃ…", "SPÄ…", "IRMÃ — “MANHÃ”")
    ),
    _case("big5-hkscs-called-big5", "佢哋嘅茶", "big5hkscs", "Big5"),
    _case("big5-called-x-x-big5", "雨天的茶", "big5", "x-x-big5"),
    _case("cp949-called-euc-kr", "똠방각하 차", "cp949", "EUC-KR"),
    _case("cp949-called-windows-949", "펲시 차", "cp949", "windows-949"),
    _case("gbk-called-gb2312", "雨天的茶 朱镕基", "gbk", "GB2312"),
    _case("gb18030-called-gbk", "茶 㐀", "gb18030", "x-gbk"),
    _case("charset-of-the-header", "雨天的茶", "big5", "", "text/xml; charset=Big5"),
    _case("charset-of-the-header-in-quotes", "Чай", "cp1251", "", 'text/xml; charset="windows-1251"'),
    _case("charset-of-the-header-is-wrong", "雨天的茶", "big5", "Big5", "text/xml; charset=utf-8"),
    _case("declaration-unknown-and-header-right", "雨天的茶", "big5", "x-rain", "text/xml; charset=big5"),
    Case(
        "one-bad-byte-in-utf-8",
        _feed("雨天?茶", "UTF-8").encode().replace(b"?\xe8", b"\xff\xe8"),
        [Expected(title="雨天\ufffd茶")],
    ),
    Case(
        "one-bad-byte-in-shift-jis",
        _feed("茶?雨", "Shift_JIS").encode("cp932").replace(b"?\x89", b"\xff\x89"),
        [Expected(title="茶\ufffd雨")],
    ),
    Case(
        "one-bad-byte-in-big5-before-a-tag",
        _feed("雨天?", "Big5").encode("big5").replace(b"?</title", b"\xa4</title"),
        [Expected(title="雨天\ufffd")],
    ),
    Case(
        "one-cut-character-in-utf-8",
        _feed("Rain 雨?", "UTF-8").encode().replace(b"?</title", b"\xe9\x9b</title"),
        [Expected(title="Rain 雨\ufffd")],
    ),
    Case("declared-behind-junk", b"Rain!\n" + _feed("雨天的茶", "Big5").encode("big5"), [Expected(title="雨天的茶")]),
    Case(
        "references-of-windows-1252",
        _feed("It&#146;s &#x93;tea&#x94; &#150; &#128;5", "UTF-8"),
        [Expected(title="It’s “tea” – €5")],
    ),
    Case(
        "references-of-windows-1252-in-a-broken-feed",
        _feed("It&#146;s &nbsp;tea &", "UTF-8"),
        [Expected(title="It’s \xa0tea &")],
    ),
    Case("characters-of-c1", _feed("It\x92s tea", "UTF-8"), [Expected(title="It’s tea")]),
]
