"""What users push: good seeds become requests, bad ones a sentence."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.addresses import candidates
from podcrawler.exceptions import AddressError
from podcrawler.queue.seeds import seed_request


@pytest.mark.parametrize(
    ("seed", "url"),
    [
        (b"https://example.com/feed.xml", "https://example.com/feed.xml"),
        (b"  http://example.com/?b=2&a=1\n", "http://example.com/?b=2&a=1"),
        (b'{"url": "https://example.com/a?q=%2F"}', "https://example.com/a?q=%2F"),
        ("https://例え.テスト/音".encode(), "https://xn--r8jz45g.xn--zckzah/%E9%9F%B3"),
    ],
)
def test_good_seeds(seed: bytes, url: str) -> None:
    request = seed_request(seed)
    assert (request.url, request.method, request.meta) == (url, "GET", {})


def test_an_address_is_what_the_queue_will_call_it() -> None:
    for address in ("HTTP://Example.COM/Feed", "https://例え.テスト/音 ", "http://x/a|b?c=é"):
        assert candidates(address)[0] == seed_request(address.encode()).url


def test_meta_from_outside_lies_apart() -> None:
    request = seed_request(b'{"url": "http://x/", "meta": {"lease": 1, "part": "/etc/passwd", "root": "http://y"}}')
    assert request.meta == {"seed": {"lease": 1, "part": "/etc/passwd", "root": "http://y"}}


@pytest.mark.parametrize(
    ("seed", "complaint"),
    [
        (b"12345", "must begin with http"),
        (b"", "host name"),
        (b"file:///etc/passwd", "must begin with http"),
        (b"http://", "host name"),
        (b"http://a b/", "spaces"),
        (b"http://[::1/", "not an address"),
        (b"http://x:99999/", "not an address"),
        (b'{"url": "http://x"', "broken JSON"),
        (b"[1, 2]", "has no address"),
        (b'{"address": "http://x"}', "has no address"),
        (b'{"url": 5}', "has no address"),
        (b'{"url": "http://x", "meta": [1]}', "meta"),
        (b'{"url": "http://x", "method": "POST", "q": 1}', "method, q"),
        (b"\xff\xfe", "not text in utf-8"),
        (b"\x80\x04\x95.", "not text in utf-8"),
    ],
)
def test_bad_seeds_end_in_a_sentence(seed: bytes, complaint: str) -> None:
    with pytest.raises(AddressError, match=complaint) as caught:
        seed_request(seed)
    assert "\n" not in str(caught.value)


@given(st.binary())
def test_no_seed_does_anything_else(seed: bytes) -> None:
    outcome = outcome_of(seed_request, seed)
    assert isinstance(outcome, AddressError) or outcome.url.startswith(("http://", "https://"))


@given(st.text())
def test_an_address_is_one_line(text: str) -> None:
    outcome = outcome_of(candidates, text)
    lines = [str(outcome)] if isinstance(outcome, AddressError) else outcome
    assert lines
    assert all(line.isprintable() for line in lines)
    assert isinstance(outcome, AddressError) or all(line.startswith("http") for line in lines)


def outcome_of(function: Callable[[Any], Any], argument: Any) -> Any:
    """What the function returned, or the error that it is allowed to raise."""
    try:
        return function(argument)
    except AddressError as error:
        return error
