"""The rates of transfers that a node reports."""

from podcrawler.fleet.report import Rates


def test_a_rate_is_measured_since_the_last_update() -> None:
    rates = Rates()
    assert rates.update({"a": 100}) == {"a": 0.0}
    assert rates.update({"a": 1100})["a"] > 0


def test_only_the_transfers_of_the_last_update_are_remembered() -> None:
    """A node has hundreds of small files between two updates."""
    rates = Rates()
    rates.update({"a": 100, "b": 100})
    rates.update({"b": 1100})
    assert rates.update({"a": 1100, "b": 1100})["a"] == 0.0
