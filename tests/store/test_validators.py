import pytest

from podcrawler.store.validators import Validator, resource

URL = "https://media.example.org/1.mp3?signature=one"
TAG = '"abc"'
MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"
LATER = "Mon, 01 Jan 2024 00:01:00 GMT"
DATED = {"Last-Modified": MODIFIED, "Date": LATER}


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ({"ETag": TAG}, TAG),
        ({"ETag": TAG, **DATED}, TAG),
        (DATED, MODIFIED),
        ({"ETag": f"W/{TAG}"}, None),
        # RFC 9110 §13.1.5: no date where there is a tag.
        ({"ETag": f"W/{TAG}", **DATED}, None),
        ({"ETag": "abc"}, None),
        ({"ETag": '"a\udcffc"'}, None),
        ({"Last-Modified": MODIFIED}, None),
        ({"Last-Modified": MODIFIED, "Date": "Mon, 01 Jan 2024 00:00:59 GMT"}, None),
        ({"Last-Modified": "yesterday", "Date": LATER}, None),
        ({"Last-Modified": "Mon, 01 Jan 99999 00:00:00 GMT", "Date": LATER}, None),
        ({"ETag": TAG, "Accept-Ranges": "none"}, None),
        ({}, None),
    ],
)
def test_only_a_strong_validator_counts(headers: dict[str, str], value: str | None) -> None:
    found = Validator.from_headers(headers, url=URL, size=100)
    assert (found.value if found else None) == value


def validator(headers: dict[str, str], size: int | None = 100) -> Validator:
    found = Validator.from_headers(headers, url=URL, size=size)
    assert found
    return found


def test_the_rest_is_requested_with_if_range() -> None:
    assert validator({"ETag": TAG}).range_headers(URL, 40) == {"Range": "bytes=40-", "If-Range": TAG}
    assert validator(DATED).range_headers(URL, 40) == {"Range": "bytes=40-", "If-Range": MODIFIED}


def test_a_date_proves_nothing_about_another_address() -> None:
    other = URL.replace("one", "two")
    assert validator({"ETag": TAG}).range_headers(other, 40) == {"Range": "bytes=40-", "If-Range": TAG}
    assert validator(DATED).range_headers(other, 40) == {}


def test_a_resource_is_an_address_without_its_query() -> None:
    assert resource(URL) == resource("https://media.example.org/1.mp3?signature=two#part")
    assert resource(URL) != resource("https://media.example.org/2.mp3?signature=one")
