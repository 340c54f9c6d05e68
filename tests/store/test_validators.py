import pytest

from podcrawler.store.validators import Validator, resource

URL = "https://media.example.org/1.mp3?signature=one"
TAG = '"abc"'
MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"
LATER = "Mon, 01 Jan 2024 00:01:00 GMT"
DATED = {"Last-Modified": MODIFIED, "Date": LATER}


@pytest.mark.parametrize(
    ("headers", "validator"),
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
        ({"Last-Modified": "Mon, 01 Jan 2024 00:00:00", "Date": LATER}, None),
        ({"ETag": TAG, "Accept-Ranges": "none"}, None),
        ({}, None),
    ],
)
def test_what_proves_a_version(headers: dict[str, str], validator: str | None) -> None:
    version = Validator.from_headers(headers, url=URL, size=100)
    assert (version.validator if version else None) == validator


def told(headers: dict[str, str], size: int | None = 100) -> Validator:
    version = Validator.from_headers(headers, url=URL, size=size)
    assert version
    return version


def test_the_rest_is_asked_for_on_condition() -> None:
    assert told({"ETag": TAG}).range_headers(URL, 40) == {"Range": "bytes=40-", "If-Range": TAG}
    assert told(DATED).range_headers(URL, 40) == {"Range": "bytes=40-", "If-Range": MODIFIED}


def test_a_date_says_nothing_about_another_address() -> None:
    other = URL.replace("one", "two")
    assert told({"ETag": TAG}).range_headers(other, 40) == {"Range": "bytes=40-", "If-Range": TAG}
    assert told(DATED).range_headers(other, 40) == {}


@pytest.mark.parametrize(
    ("headers", "size"),
    [
        ({"Content-Range": "bytes 40-99/100"}, 100),
        ({"Content-Range": "bytes 40-99/100", "Content-Length": "60"}, 100),
        ({"Content-Range": "bytes 40-59/100"}, 100),
        ({"Content-Range": "bytes 40-99/*"}, 100),
        ({"Content-Range": "bytes 41-99/100"}, None),
        ({"Content-Range": "bytes 0-99/100"}, None),
        ({"Content-Range": "bytes 40-99/101"}, None),
        ({"Content-Range": "bytes 40-100/100"}, None),
        ({"Content-Range": "bytes 40-39/100"}, None),
        ({"Content-Range": "bytes 40-99/100", "Content-Length": "61"}, None),
        ({"Content-Range": "bytes 40-99/100", "Content-Encoding": "gzip"}, None),
        ({"Content-Range": "bytes */100"}, None),
        ({"Content-Range": "items 40-99/100"}, None),
        ({"Content-Type": "multipart/byteranges; boundary=x"}, None),
        ({}, None),
    ],
)
def test_what_goes_on_with_a_version(headers: dict[str, str], size: int | None) -> None:
    assert told({"ETag": TAG}).total_size({"ETag": TAG, **headers}, 40) == size


@pytest.mark.parametrize(("told_size", "size"), [("100", 100), ("*", 60)])
def test_a_length_that_was_not_told_before(told_size: str, size: int) -> None:
    version = told({"ETag": TAG}, size=None)
    assert version.total_size({"ETag": TAG, "Content-Range": f"bytes 40-59/{told_size}"}, 40) == size


def test_who_pays_no_heed_to_the_condition_is_found_out() -> None:
    rest = {"Content-Range": "bytes 40-99/100"}
    assert told({"ETag": TAG}).total_size({"ETag": '"other"', **rest}, 40) is None
    assert told({"ETag": TAG}).total_size(rest, 40) is None
    assert told(DATED).total_size({"Last-Modified": LATER, **rest}, 40) is None
    assert told(DATED).total_size({"Last-Modified": MODIFIED, **rest}, 40) == 100
    assert told(DATED).total_size(rest, 40) == 100


def test_a_resource_is_an_address_without_its_query() -> None:
    assert resource(URL) == resource("https://media.example.org/1.mp3?signature=two#part")
    assert resource(URL) != resource("https://media.example.org/2.mp3?signature=one")
