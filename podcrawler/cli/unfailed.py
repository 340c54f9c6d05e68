"""Tells of entries that a user names, and that have not failed: why nothing is done about them."""

from collections.abc import Collection, Iterable

from podcrawler.calling import called
from podcrawler.printing import say
from podcrawler.queue.states import QueueStates


def failed_among(queues: Iterable[QueueStates], keys: Collection[str]) -> set[str]:
    """Which of these entries have failed, in whichever queue."""
    return {key for queue in queues for key in queue.failed_among(list(keys))}


def tell_unfailed(keys: Iterable[str]) -> None:
    for key in keys:
        say(f"{key} has not failed; `{called()} failed` lists what has.", is_error=True)
