"""What is waited for, in sentences: hosts that rest, or have all of their connections; next tries; answers."""

import time
from collections.abc import Sequence

from podcrawler.durations import duration
from podcrawler.queue.overview import InHand
from podcrawler.queue.states import Delay, HostWait, Unreported


def delayed(delay: Delay, what: str = "") -> str:
    """One sentence about entries (``what`` they are) that are tried again."""
    count = f"{delay.entries} {what}" + ("s" if what and delay.entries > 1 else "")
    waits = "waits" if delay.entries == 1 else "wait"
    return f"{count.strip()} {waits} for {delay.host or 'another try'}, next try in {duration(delay.next_in)}"


def silence(unread: Sequence[str], pages: int, in_hand: Sequence[InHand], episodes: int) -> str:
    """What is waited for while nothing comes: what is in hand, the addresses that are not read yet, so many other
    pages, or that a node begins with so many episodes; empty if there is nothing."""
    if in_hand:
        more = f" and {len(in_hand) - 1} more" if len(in_hand) > 1 else ""
        return f"waiting for bytes of {in_hand[0].key}{more}"
    if unread:
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        return f"waiting for {unread[0]}{more}"
    if pages:
        return f"waiting for {pages} feed{'s' if pages > 1 else ''} or page{'s' if pages > 1 else ''}"
    if episodes:
        return f"waiting for a node to begin with {episodes} episode{'s' if episodes > 1 else ''}"
    return ""


def standing(queue: str, unreported: Unreported) -> str:
    """One sentence about the leases of nodes that died."""
    what = {"podcasts": "page"}.get(queue, "episode")
    one = unreported.leases == 1
    return (
        f"{unreported.leases} {what}{' is' if one else 's are'} leased to nodes that do not report: "
        f"{'it goes' if one else 'they go'} on in {duration(unreported.expire_in)} at the latest, when "
        f"{'that lease expires' if one else 'those leases expire'} (PODCRAWLER_LEASE_TIME)"
    )


def waiting(wait: HostWait) -> str:
    """One sentence about a host."""
    return f"{wait.host} {_reason(wait)}{_count(wait.pending)}"


def _reason(wait: HostWait) -> str:
    if wait.asked_by:
        return (
            f"asked for a pause until {_clock(wait.rests_until)} ({wait.asked_by.removeprefix('http-')}, Retry-After)"
        )
    if wait.connections:
        return f"has all of its {wait.connections} connections (PODCRAWLER_HOST_CONNECTIONS)"
    return f"rests until {_clock(wait.rests_until)} (its delay in PODCRAWLER_HOSTS)"


def _clock(seconds: float) -> str:
    """The time of this machine's clock; with the day, unless that is today."""
    at, now = time.localtime(seconds), time.localtime()
    return time.strftime("%H:%M:%S" if at[:3] == now[:3] else "%Y-%m-%d %H:%M:%S", at)


def _count(pending: int) -> str:
    match pending:
        case 0:
            return ""
        case 1:
            return "; 1 episode waits for it"
        case _:
            return f"; {pending} episodes wait for it"
