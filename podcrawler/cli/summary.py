"""What ``archive`` prints at its end, on standard output."""

from rich.filesize import decimal

from podcrawler.calling import called
from podcrawler.fleet.outcome import Outcome
from podcrawler.printing import say


def print_summary(outcome: Outcome, seconds: float, *, is_quiet: bool = False) -> None:
    """Print what failed and what became of the podcasts, after a run of so many ``seconds``. If ``is_quiet``, only what
    the user may have to do something about."""
    _print_failures(outcome)
    if is_quiet:
        if outcome.stopped:
            say(f"still waiting: {outcome.stopped.waiting}.")
        return
    for podcast_id, title in outcome.podcasts.items():
        account = outcome.accounts.get(podcast_id)
        say(f"{title or podcast_id}: {podcast_id}" + (f" ({account})" if account else ""))
        if other := outcome.claims.get(podcast_id):
            say(
                f"    It declares the guid of {other}, which any feed can do, and is kept apart. If it is the same "
                f"podcast: {called()} merge {podcast_id} {other}"
            )
    if not outcome.finished and not outcome.failed and outcome.already_there and not outcome.stopped:
        count = outcome.already_there
        there = "the one episode is" if count == 1 else f"all {count} episodes are"
        removed = f", and {removed} not wanted" if (removed := sum(outcome.removed.values())) else ""
        say(f"Nothing to download: {there} already there{removed} ({seconds:.1f} s).")
        return
    waiting = f"; still waiting: {outcome.stopped.waiting}" if outcome.stopped else ""
    say(
        f"{outcome.finished} finished ({decimal(outcome.bytes)}), {outcome.already_there} already there, "
        f"{len(outcome.failed)} failed, in {seconds:.1f} s{waiting}."
    )


def _print_failures(outcome: Outcome) -> None:
    """Print what failed, and what was left out."""
    for failed in outcome.failed:
        name = f"{failed.key} {failed.title}".strip()
        say(f"failed: {name} [{failed.kind}]: {failed.reason}")
    for sentence in outcome.left_out:
        say(f"left out: {sentence}")
