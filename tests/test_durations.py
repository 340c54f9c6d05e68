"""How durations are written for people."""

import pytest

from podcrawler.durations import duration, seconds_of


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


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("0", 0), ("1.5s", 1.5), ("10m", 600), ("2 min", 120), ("2H", 7200), ("1d", 86_400)],
)
def test_what_people_write_is_understood(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "10x", "1:30", "1e3", "inf"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time such as 90, 10m or 2h"):
        seconds_of(text)
