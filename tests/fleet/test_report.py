"""What a node reports: the rates of transfers, and no more than there is room for."""

from podcrawler.fleet.report import Rates, fitted
from podcrawler.queue.archive import size_of
from podcrawler.queue.overview import REPORT_BYTES, InHand, Report


def test_a_rate_is_measured_since_the_last_update() -> None:
    rates = Rates()
    assert rates.update({"a": 100}) == {"a": 0.0}
    assert rates.update({"a": 1100})["a"] > 0


def test_a_transfer_that_begins_anew_has_a_rate_that_a_report_may_have() -> None:
    rates = Rates()
    rates.update({"a": 1_000_000})
    assert rates.update({"a": 0})["a"] == 0.0


def test_only_the_transfers_of_the_last_update_are_remembered() -> None:
    """A node has hundreds of small files between two updates."""
    rates = Rates()
    rates.update({"a": 100, "b": 100})
    rates.update({"b": 1100})
    assert rates.update({"a": 1100, "b": 1100})["a"] == 0.0


def test_a_report_takes_four_kilobytes_at_most() -> None:
    """Titles come from feeds, and reasons contain paths."""
    in_hand = tuple(InHand(f"{'p' * 60}/{number:040}", "\U0001f399\ud800" * 5000, 10**9, None) for number in range(200))
    whole = Report("attic-1", "episodes", 1, "attic", 0, 1, 0, 0, 0, in_hand, 200, holds_off="x" * 100_000)
    report = fitted(whole)
    assert size_of(report) <= REPORT_BYTES
    assert len(report.in_hand) >= 5
    assert report.transfers == 200
    assert report.in_hand[0].key == in_hand[0].key
    assert fitted(report) == report
