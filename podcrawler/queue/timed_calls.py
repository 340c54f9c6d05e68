"""Calls of the broker with the time of the call: a lease lasts from then on, whenever the answer arrives."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from podcrawler import clock
from podcrawler.queue.broker import Broker, LeaseBatch
from podcrawler.queue.leases import Lease


class Granted(NamedTuple):
    """The answer to a request for leases."""

    batch: LeaseBatch
    #: Before Redis was asked (``clock.now``): the leases last from then on at least.
    at: float
    #: That Redis took to answer.
    seconds: float


def timed_lease(broker: Broker, tokens: Sequence[str], done: Mapping[str, str]) -> Granted:
    """As ``Broker.lease``."""
    at, asked = clock.now(), time.monotonic()
    batch = broker.lease(tokens, done=done)
    return Granted(batch, at, time.monotonic() - asked)


def timed_extend(broker: Broker, leases: Sequence[Lease]) -> tuple[float, set[str]]:
    """As ``Broker.extend``; before that the time before Redis was asked (``clock.now``)."""
    at = clock.now()
    return at, broker.extend(leases)
