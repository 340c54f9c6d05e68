"""What a host may write into Retry-After, and what is understood of it."""

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.http import Response

from podcrawler.http.retry_after import LONGEST, retry_after

_DAY = 86_400


def seconds(value: str | bytes, **headers: str) -> float | None:
    return retry_after(Response("http://h/", headers={"Retry-After": value, **headers}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7),
        ("  120 ", 120),
        ("0", 0),
        ("1.5", 1.5),
        ("2.", 2),
        ("9" * 1000, LONGEST),
        ("99999999", LONGEST),
        ("-3", None),
        ("", None),
        ("soon", None),
        ("1e3", None),
        ("inf", None),
        ("nan", None),
        ("٣", None),
        ("0x10", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 0001 07:28:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Fri, 31 Foo 2100 23:59:59 GMT", None),
    ],
)
def test_what_is_understood(value: str, expected: float | None) -> None:
    assert seconds(value) == expected


def test_a_date_is_judged_by_the_hosts_own_clock() -> None:
    """Which may be a year slow."""
    assert seconds("Wed, 21 Oct 2015 07:28:00 GMT", Date="Wed, 21 Oct 2015 07:26:30 GMT") == 90
    assert seconds(formatdate(time.time() + 90), Date=formatdate(time.time() + _DAY)) == 0
    assert 60 < (seconds(formatdate(time.time() + 90), Date="yesterday") or 0) <= 90
    assert 60 < (seconds(formatdate(time.time() + 90)) or 0) <= 90


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_nothing_that_a_host_writes_does_harm(value: bytes, date: bytes) -> None:
    response = Response("http://h/", headers={"Retry-After": value, "Date": date})
    found = retry_after(response)
    assert found is None or 0 <= found <= LONGEST
