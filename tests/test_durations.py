"""How durations are written for people."""

import pytest

from podcrawler.durations import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.01, "1 s"),
        (9, "9 s"),
        (119, "119 s"),
        (120, "2 min"),
        (3421, "58 min"),
        (3600, "60 min"),
        (7200, "2 h"),
        (90_000, "25 h"),
        (200_000, "3 d"),
    ],
)
def test_a_duration_is_in_the_largest_unit_of_which_it_has_two(seconds: float, text: str) -> None:
    assert duration(seconds) == text
