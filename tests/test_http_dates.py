"""Any text may stand where a server should write a date."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.http_dates import http_date


def test_dates_of_the_three_formats() -> None:
    for text in ("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"):
        assert http_date(text) == 784111777


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0",
        "soon",
        "Mon, 01 Jan 10000 00:00:00 GMT",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2024 00:00:00 +99999999999999",
        "Mon, 99 Foo 2024 25:61:61 GMT",
    ],
)
def test_what_is_no_date(text: str | None) -> None:
    assert http_date(text) is None


@given(
    st.from_regex(r"(Mon, )?\d{1,30}[ -](Jan|Feb|X)[ -]\d{1,30} \d{1,3}:\d\d:\d\d( GMT| [+-]\d{1,20})?", fullmatch=True)
)
def test_no_text_is_an_error(text: str) -> None:
    found = http_date(text)
    assert found is None or isinstance(found, float)
