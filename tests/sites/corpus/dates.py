"""Dates as publishers write them."""

from tests.sites.corpus import Case, Expected, item, rss

_DATES = {
    "Wed, 03 Feb 2021 04:05:06 GMT": "2021-02-03T04:05:06+00:00",
    "Wed, 03 Feb 2021 04:05:06 -0530": "2021-02-03T04:05:06-05:30",
    "Wed, 3 Feb 2021 4:05 Z": "2021-02-03T04:05:00+00:00",
    "3 Feb 21 04:05 PST": "2021-02-03T04:05:00-08:00",
    "Wed, 03 Feb 2021 04:05:06 +08:00": "2021-02-03T04:05:06+08:00",
    "Wed, 03 Feb 2021 04:05:06+0800": "2021-02-03T04:05:06+08:00",
    "Wed, 03 Feb 2021 04:05:06 +8": "2021-02-03T04:05:06+08:00",
    "Wed, 03 Feb 2021 04:05:06 GMT+8": "2021-02-03T04:05:06+08:00",
    "Wed, 03 Feb 2021 04:05:06 UTC+08:00": "2021-02-03T04:05:06+08:00",
    "Wed, 03 Feb 2021 04:05:06 GMT+0800 (Hong Kong Standard Time)": "2021-02-03T04:05:06+08:00",
    "Wed, 03 Feb 2021 04:05:06 HKT": "2021-02-03T04:05:06+08:00",
    "Wed, 03 Feb 2021 04:05:06 jst": "2021-02-03T04:05:06+09:00",
    "Wed, 03 Feb 2021 04:05:06 CET": "2021-02-03T04:05:06+01:00",
    "Sat, 03 Jul 2021 04:05:06 CEST": "2021-07-03T04:05:06+02:00",
    "Sat, 03 Jul 2021 04:05:06 BST": "2021-07-03T04:05:06+01:00",
    "Sat, 03 Jul 2021 04:05:06 AEST": "2021-07-03T04:05:06+10:00",
    "Sat, 03 Jul 2021 04:05:06 IST": "2021-07-03T04:05:06+05:30",
    "Sat, 03 Jul 2021 04:05:06 PT": "2021-07-03T04:05:06-07:00",
    "Wed, 03 Feb 2021 04:05:06 ET": "2021-02-03T04:05:06-05:00",
    "Wed, 03 Feb 2021 04:05:06 Eastern Time": "2021-02-03T04:05:06-05:00",
    "Sat, 03 Jul 2021 04:05:06 Europe/Berlin": "2021-07-03T04:05:06+02:00",
    "Wed, 03 Feb 2021 04:05:06 EST -0500": "2021-02-03T04:05:06-05:00",
    "Wed, 03 Feb 2021 04:05:06 +3000": "2021-02-03T04:05:06",
    "Wed, 03 Feb 2021 04:05:06 QQT": "2021-02-03T04:05:06",
    "Wed, 03 Feb 2021 04:05:06 K": "2021-02-03T04:05:06",
    "Wed, 03 Feb 2021 04:05:06": "2021-02-03T04:05:06+00:00",
    "Wed, 03 Feb 2021": "2021-02-03T00:00:00+00:00",
    "Tues., 03 Feb. 2021 04:05:06 GMT": "2021-02-03T04:05:06+00:00",
    "Wednesday, 03 February 2021 04:05:06 GMT": "2021-02-03T04:05:06+00:00",
    "Mon, 8 Sept 2021 04:05:06 GMT": "2021-09-08T04:05:06+00:00",
    "WED, 03 FEB 2021 04:05:06 gmt": "2021-02-03T04:05:06+00:00",
    "Wednesday, February 3, 2021 4:05 PM": "2021-02-03T16:05:00+00:00",
    "February 3rd, 2021 at 4:05 p.m. EST": "2021-02-03T16:05:00-05:00",
    "Wed, 03 Feb 2021 12:05 AM": "2021-02-03T00:05:00+00:00",
    "Wed, 03 Feb 2021 16:05 PM GMT": "2021-02-03T16:05:00+00:00",
    "2/3/2021 4:05:06 PM": "2021-02-03T16:05:06+00:00",
    "23/2/2021 04:05": "2021-02-23T04:05:00+00:00",
    "03.02.2021 04:05": "2021-02-03T04:05:00+00:00",
    "2021/2/3 04:05:06": "2021-02-03T04:05:06+00:00",
    "2021-02-03": "2021-02-03T00:00:00+00:00",
    "2021-02-03 04:05:06": "2021-02-03T04:05:06+00:00",
    "2021-02-03T04:05Z": "2021-02-03T04:05:00+00:00",
    "2021-02-03T04:05:06.7891234+08:00": "2021-02-03T04:05:06.789123+08:00",
    "2021-02-03T4:5:6+08:00": "2021-02-03T04:05:06+08:00",
    "2021-02-03T04:05:06 +0800": "2021-02-03T04:05:06+08:00",
    "20210203T040506Z": "2021-02-03T04:05:06+00:00",
    "Wed Feb  3 04:05:06 CET 2021": "2021-02-03T04:05:06+01:00",
    "Wed Feb 03 04:05:06 +0800 2021": "2021-02-03T04:05:06+08:00",
    "Mi, 03 Feb 2021 04:05:06 +0100": "2021-02-03T04:05:06+01:00",
    "Mi, 03. März 2021, 04:05 Uhr": "2021-03-03T04:05:00+00:00",
    "mer., 3 févr. 2021 04:05:06 +0100": "2021-02-03T04:05:06+01:00",
    "2021年2月3日 04:05": "2021-02-03T04:05:00+00:00",
    "Wed, 03 Feb 2021 24:00:00 GMT": "2021-02-04T00:00:00+00:00",
    "Wed, 03 Feb 2021 04:05:60 GMT": "2021-02-03T04:05:59+00:00",
    "1612325106": "2021-02-03T04:05:06+00:00",
    "yesterday": "",
    "February 2021": "",
    "2021": "",
    "04:05": "",
    "0000-00-00 00:00:00": "",
    "Mon, 01 Jan 0001 00:00:00 +0000": "",
    "Mon, 31 Feb 2021 04:05:06 GMT": "",
}


def _dated(name: str, day: int) -> str:
    return item(name, date=f"{day:02d} Feb 2021 04:05:06 GMT")


def _undated(name: str) -> str:
    return item(name, date="soon")


def _in_order(names: str) -> list[Expected]:
    return [Expected(name, None, None) for name in names]


CASES = [
    *(Case(f"date-{text}", rss(item(date=text)), [Expected(published=seen)]) for text, seen in _DATES.items()),
    Case("order-newest-first", rss(_dated("a", 3), _dated("b", 2), _dated("c", 1)), _in_order("cba")),
    Case("order-oldest-first", rss(_dated("a", 1), _dated("b", 2), _dated("c", 3)), _in_order("abc")),
    Case("order-without-dates", rss(item("a"), item("b"), item("c")), _in_order("cba")),
    Case(
        "order-with-one-date-unread",
        rss(_dated("a", 4), _undated("b"), _dated("c", 3), _dated("d", 2)),
        _in_order("dcba"),
    ),
    Case(
        "order-oldest-first-with-one-date-unread",
        rss(_dated("a", 1), _undated("b"), _dated("c", 2), _dated("d", 3)),
        _in_order("abcd"),
    ),
    Case(
        "order-mixed-with-one-date-unread",
        rss(_dated("a", 2), _dated("b", 5), _undated("c"), _dated("d", 1)),
        _in_order("dcab"),
    ),
    Case(
        "order-of-zones",
        rss(item("a", date="Wed, 03 Feb 2021 04:00:00 -0800"), item("b", date="Wed, 03 Feb 2021 05:00:00 +0800")),
        _in_order("ba"),
    ),
    Case(
        "order-with-an-unknown-zone",
        rss(item("a", date="Wed, 03 Feb 2021 04:00:00 QQT"), _dated("b", 1)),
        _in_order("ba"),
    ),
    Case("order-of-equal-dates", rss(_dated("a", 1), _dated("b", 1)), _in_order("ba")),
]
