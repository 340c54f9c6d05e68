"""The sentences about hosts that episodes wait for."""

import time

import pytest

from podcrawler.fleet.waiting import waiting
from podcrawler.queue.states import HostWait

TODAY = time.mktime((*time.localtime()[:3], 14, 5, 0, 0, 0, -1))
SOME_DAY = time.mktime((2031, 2, 3, 4, 5, 6, 0, 0, -1))


@pytest.mark.parametrize(
    ("wait", "sentence"),
    [
        (
            HostWait("cdn.example", 120, 0, TODAY, "http-429"),
            "cdn.example asked for a pause until 14:05:00 (429, Retry-After); 120 episodes wait for it",
        ),
        (
            HostWait("cdn.example", 0, 0, SOME_DAY, "http-503"),
            "cdn.example asked for a pause until 2031-02-03 04:05:06 (503, Retry-After)",
        ),
        (
            HostWait("cdn.example", 1, 8, 0, ""),
            "cdn.example has all of its 8 connections (PODCRAWLER_HOST_CONNECTIONS); 1 episode waits for it",
        ),
        (
            HostWait("cdn.example", 2, 0, TODAY, ""),
            "cdn.example rests until 14:05:00 (its delay in PODCRAWLER_HOSTS); 2 episodes wait for it",
        ),
    ],
)
def test_a_sentence_says_why_and_how_many(wait: HostWait, sentence: str) -> None:
    assert waiting(wait) == sentence
