"""Why episodes wait although nodes are idle: sentences about hosts that rest, or have all of their connections."""

import time

from podcrawler.durations import duration
from podcrawler.queue.broker import HostWait, Unreported


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
