"""A year of feeds costs few requests, and new episodes are noticed soon: docs/subscriptions.md has the figures."""

from statistics import median

from tests.subscriptions.year import HOUR, fixed, learnt, simulate, total


def test_a_year_costs_few_requests_and_new_episodes_are_noticed_soon() -> None:
    accounts = simulate(learnt)
    everything = total(accounts)
    assert everything.feeds == 500
    assert everything.requests <= 10 * len(everything.delays)
    for name in ("daily", "daily, moving", "working days", "daily, dates of midnight", "daily, dates of the future"):
        assert median(accounts[name].delays) < 2 * HOUR, name
    # None is lost because its feed has moved.
    assert len(accounts["daily, moving"].delays) > 20 * 364
    hourly = total(simulate(fixed(HOUR)))
    assert len(hourly.delays) - len(everything.delays) < 500
    assert everything.requests < hourly.requests / 5
    assert median(everything.delays) < median(hourly.delays)
