"""Dates as publishers write them.

The forms of RFC 822 (RSS) and RFC 3339 (Atom) are read by the standard library, which is fast; python-dateutil reads
the rest. Of those, the zone and the words are read here: dateutil knows few zones, and takes the others for none.
"""

import html
import re
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from podcrawler.sites.month_names import english_month, numbered_month

#: Dates that the standard library reads rightly.
_RFC_822 = re.compile(
    r"(?:[A-Za-z]{3},\s?)?[0-9]{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?:[0-9]{2}|[1-9][0-9]{3}) "
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])? (?:[+-](?:0[0-9]|1[0-4])[0-5][0-9]|GMT|UTC?|Z|[ECMP][SD]T)"
)
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
)
#: Hours east of Greenwich of the abbreviations that mean one thing, or one far more often than others.
_HOURS = {
    "UT UTC GMT Z WET": 0,
    "CET MET MEZ BST WEST WAT": 1,
    "CEST MEST MESZ EET CAT SAST": 2,
    "EEST MSK TRT EAT": 3,
    "MSD": 4,
    "PKT": 5,
    "IST": 5.5,
    "NPT": 5.75,
    "WIB ICT": 7,
    "HKT AWST SGT MYT PHT WITA": 8,
    "JST KST WIT": 9,
    "ACST": 9.5,
    "AEST": 10,
    "ACDT": 10.5,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
    "NDT": -2.5,
    "ADT BRT ART CLST": -3,
    "NST": -3.5,
    "EDT AST CLT": -4,
    "EST CDT COT PET": -5,
    "CST MDT": -6,
    "MST PDT": -7,
    "PST AKDT": -8,
    "AKST HDT": -9,
    "HST": -10,
}
_OFFSETS = {name: timedelta(hours=hours) for names, hours in _HOURS.items() for name in names.split()}
#: Names that leave it to the date whether it is summer.
_PLACES = {
    "ET": "America/New_York",
    "EASTERN": "America/New_York",
    "CT": "America/Chicago",
    "CENTRAL": "America/Chicago",
    "MT": "America/Denver",
    "MOUNTAIN": "America/Denver",
    "PT": "America/Los_Angeles",
    "PACIFIC": "America/Los_Angeles",
    "AET": "Australia/Sydney",
}
_CLOCK = re.compile(
    r"[0-9]{1,2}:[0-9]{1,2}(?::[0-9]{1,2}(?:[.,][0-9]+)?)?(?:\s?[AP]M\b)?|[0-9]\s?[AP]M\b|(?<=T)[0-9]{4,6}",
    re.IGNORECASE,
)
#: What may follow a clock: an offset with or without a name, the name of a place, or one or more words.
_OFFSET = re.compile(r"(?:[A-Za-z]{1,5}\s?)?[+-]?([+\u2212-])\s?([0-9]{4}|[0-9]{1,2}:[0-9]{2}|[0-9]{1,3})(?![0-9:])")
_OFFSET_WITHOUT_SIGN = re.compile(r"[01][0-9]{3}$")
_PLACE = re.compile(r"[A-Z][A-Za-z]{1,20}/[A-Z][A-Za-z_]{1,20}|[A-Z]{3}[0-9][A-Z]{3}\b")
_NAMED = re.compile(r"([A-Za-z]{1,8})\b(?:\s(?:standard|daylight|summer)\b)?(?:\stime\b)?", re.IGNORECASE)
_ZONE_WITHOUT_CLOCK = re.compile(r"\s(?:[+-][0-9]{4}|GMT|UTC|Z)$")
_YEAR_LAST = re.compile(r"(.*:[0-9]{2}.*)\s((?:19|20)[0-9]{2})$")
_COMMENT = re.compile(r"\([^()]{0,40}\)|\[[^\[\]]{0,40}\]")
_HALF_OF_DAY = re.compile(r"\b([ap])\.?\s?m\b\.?", re.IGNORECASE)
_LATE_HOUR_OF_TWELVE = re.compile(r"(?<![:0-9])(1[3-9]|2[0-3])(:[0-9]{2}(?::[0-9]{2})?)\s?[ap]m", re.IGNORECASE)
_MIDNIGHT_AT_THE_END = re.compile(r"(?<![0-9])24:00(:00)?\b")
_LEAP_SECOND = re.compile(r"(:[0-5][0-9]):60\b")
_CLOCK_WITH_DOTS = re.compile(r"(?<=[0-9][ T])([0-9]{1,2})[.h]([0-9]{2})(?:\.([0-9]{2}))?$")
#: One that no day has.
_NO_CLOCK = re.compile(
    r"(?<![0-9:])T?(?:(?:2[4-9]|[3-9][0-9]):[0-9]{2}|[0-9]{1,2}:[6-9][0-9]|[0-9]{1,2}:[0-9]{2}:(?=[6-9]))"
    r"(?::?[0-9]{2})?(?![0-9:])"
)
_YEAR_AND_CLOCK = re.compile(r"\b([0-9]{4}):(?=[0-9]{2}:[0-9]{2}:[0-9]{2})")
_MARKUP = re.compile(r"<!\[CDATA\[|\]\]>|<[^<>]{0,40}>")
_SECONDS = re.compile(r"([0-9]{10})(?:[0-9]{3})?(?:\.[0-9]{0,9})?")
#: What programs write for a date that they do not have; and the year of an era.
_NO_YEAR = re.compile(r"\b00[0-9]{2}\b|[年년]")
_DAY_FIRST = re.compile(r"\b[0-9]{1,2}\.\s?[0-9]{1,2}\.\s?[0-9]{2,4}\b")
_IDEOGRAPHS = re.compile(r"([0-9]{4})\s?[年년]\s?([0-9]{1,2})\s?[月월]\s?([0-9]{1,2})\s?[日일]")
_CLOCK_OF_IDEOGRAPHS = re.compile(r"([0-9]{1,2})\s?[時时點点시]\s?([0-9]{1,2})\s?[分분](?:\s?([0-9]{1,2})\s?[秒초])?")
#: Before the clock in Korean, Chinese and Japanese.
_HALF_BEFORE_CLOCK = re.compile(r"(오전|上午|午前|오후|下午|午[後后])\s?([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)")
_MORNINGS = ("오전", "上午", "午前")
_NUMBERED_MONTH = re.compile(r"([0-9]{1,2})\s?[月월]")
#: Of one letter, if that is of another alphabet: "T" and "Z" have a meaning.
_WORD = re.compile(r"[^\W\d_]{2,}|[^\W\d_a-zA-Z]")
_LONGEST = 100
_EARLIEST_YEAR = 1900


def moment(text: str) -> datetime | None:
    """When something was published; None for a text that is no date.

    A date without a zone is taken for UTC. One with a zone that cannot be read has no ``tzinfo``: its zone is unknown.
    """
    text = text.strip()
    with suppress(ValueError, ArithmeticError, TypeError, LookupError, AttributeError):
        if _RFC_822.fullmatch(text):
            found = parsedate_to_datetime(text)
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
        elif _RFC_3339.fullmatch(text):
            found = datetime.fromisoformat(text.upper())
        else:
            found = _in_words(text[:_LONGEST])
        return found if found.year >= _EARLIEST_YEAR else None
    return None


def _in_words(text: str) -> datetime:
    """A date in any other form; raises ValueError and others for what is none."""
    if since_1970 := _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(since_1970[1]), UTC)
    text = unicodedata.normalize("NFKC", html.unescape(_MARKUP.sub("", text)))
    text = _with_clock(_IDEOGRAPHS.sub(r"\1-\2-\3 ", _COMMENT.sub("", text))).strip()
    if year_last := _YEAR_LAST.match(text):
        text = f"{year_last[2]} {year_last[1]}"
    text, zone, behind = _split_zone(_CLOCK_WITH_DOTS.sub(_with_colons, text))
    try:
        found = _without_zone(f"{text} {behind}")
    except (ValueError, ArithmeticError, TypeError):
        if not behind:
            raise
        # The zone once more, or what a program adds.
        found = _without_zone(text)
    return _in_zone(found, zone)


def _with_clock(text: str) -> str:
    """The text with its clock in the form that is read here."""
    text = _CLOCK_OF_IDEOGRAPHS.sub(_with_colons, _YEAR_AND_CLOCK.sub(r"\1 ", text))
    text = _HALF_BEFORE_CLOCK.sub(lambda found: f"{found[2]}{'am' if found[1] in _MORNINGS else 'pm'}", text)
    return _HALF_OF_DAY.sub(r"\1m", text)


def _without_zone(text: str) -> datetime:
    if _NO_YEAR.search(text):
        raise ValueError("the year is none")
    text = _LEAP_SECOND.sub(r"\1:59", _LATE_HOUR_OF_TWELVE.sub(r"\1\2", text))
    text, ends = _MIDNIGHT_AT_THE_END.subn("00:00", text)
    text = _in_english(_NO_CLOCK.sub(" ", text))
    day_first = _DAY_FIRST.search(text) is not None
    # Only now: few dates need it, and each run that reads a page would wait for it.
    from dateutil import parser

    found, again = (
        parser.parse(text, default=default, dayfirst=day_first, ignoretz=True)
        for default in (datetime(2000, 1, 1), datetime(2001, 2, 2))
    )
    if found != again:
        raise ValueError("the text does not name a day")
    return found + timedelta(days=min(ends, 1))


def _with_colons(clock: re.Match[str]) -> str:
    return f"{clock[1]}:{clock[2]}:{clock[3] or '00'}"


def _split_zone(text: str) -> tuple[str, str, str]:
    """The text before the zone, the zone, which is empty if none is told, and the text behind it."""
    clock = _CLOCK.search(text)
    if clock is None:
        # Without a clock, "-01" is a day.
        found = _ZONE_WITHOUT_CLOCK.search(text)
        return (text[: found.start()], found[0].strip(), "") if found else (text, "", "")
    rest = text[clock.end() :].lstrip(" ,")
    for pattern in (_OFFSET, _OFFSET_WITHOUT_SIGN, _PLACE, _NAMED):
        if (found := pattern.match(rest)) and not _is_word(found[0]):
            return text[: clock.end()], found[0], rest[found.end() :].strip()
    return text, "", ""


def _is_word(text: str) -> bool:
    """Whether what follows a clock is no zone, but the name of a day or a month, or a word such as "Uhr"."""
    if not text.isalpha() or text.upper() in _OFFSETS or text.upper() in _PLACES:
        return False
    return not text.isupper() or len(text) > 5 or bool(english_month(text))


def _in_zone(date: datetime, zone: str) -> datetime:
    """The date in a zone; without ``tzinfo`` if the zone cannot be read."""
    if not zone:
        return date.replace(tzinfo=UTC)
    offset = _OFFSET.fullmatch(f"+{zone}" if zone.isdecimal() else zone)
    if offset:
        digits = offset[2].replace(":", "")
        hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
        away = timedelta(hours=hours, minutes=minutes)
        # The zones of the world are those from -12:00 to +14:00.
        if away > timedelta(hours=14) or minutes > 59:
            return date
        return date.replace(tzinfo=timezone(away if offset[1] == "+" else -away))
    named = _NAMED.fullmatch(zone)
    name = named[1].upper() if named else ""
    if name in _OFFSETS:
        return date.replace(tzinfo=timezone(_OFFSETS[name]))
    # As above.
    from dateutil import tz

    place = tz.gettz(_PLACES.get(name, zone)) if name in _PLACES or _PLACE.fullmatch(zone) else None
    away_there = place.utcoffset(date.replace(tzinfo=place)) if place else None
    return date if away_there is None else date.replace(tzinfo=timezone(away_there))


def _in_english(text: str) -> str:
    """The text with the names of months in English, "am" and "pm" as they are, and without other words, such as those
    of days. Of several months the first one is a day that is called alike: "mar., 5 déc. 2023"."""
    months = [found.start() for found in _WORD.finditer(text) if english_month(found[0])]
    day = months[0] if len(months) > 1 else -1
    text = _WORD.sub(lambda found: _word_in_english(found[0]) if found.start() != day else "", text)
    return _NUMBERED_MONTH.sub(lambda found: numbered_month(int(found[1])), text)


def _word_in_english(word: str) -> str:
    return word if word.lower() in ("am", "pm") or word in "月월" else english_month(word)
