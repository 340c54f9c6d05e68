"""The rates that a node tells of its transfers."""

from podcrawler.fleet.report import Rates


def test_a_rate_is_what_came_since_the_last_look() -> None:
    rates = Rates()
    assert rates.look({"a": 100}) == {"a": 0.0}
    assert rates.look({"a": 1100})["a"] > 0


def test_only_the_transfers_of_the_last_look_are_remembered() -> None:
    """A node has hundreds of small files between two looks."""
    rates = Rates()
    rates.look({"a": 100, "b": 100})
    rates.look({"b": 1100})
    assert rates.look({"a": 1100, "b": 1100})["a"] == 0.0
