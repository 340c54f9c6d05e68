"""The supervisor: does a whole job on this machine, as a small fleet of child nodes around one Redis.

There is no second way of running: the children are ``crawl`` processes as on a fleet of many machines, and what is
shown of them is what they report through Redis.
"""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from redis.exceptions import RedisError
from scrapy.settings import Settings

from podcrawler.calling import called
from podcrawler.exceptions import StateDiskFullError
from podcrawler.fleet.children import Child
from podcrawler.fleet.display import Display, View
from podcrawler.fleet.job import Job
from podcrawler.fleet.outcome import JobProgress, Outcome
from podcrawler.fleet.pace import Pacer
from podcrawler.fleet.stopped import Stopped
from podcrawler.fleet.waiting import standing, waiting
from podcrawler.queue.archive import Archive
from podcrawler.queue.failures import group_of
from podcrawler.queue.overview import InHand, Report
from podcrawler.queue.states import HostWait, Unreported
from podcrawler.redis.answers import cause_of, condition_of, is_passing, sentence_about
from podcrawler.redis.embedded import EmbeddedServer

#: Seconds between two checks of the queue and the children: at most, and at least when a lease ends in between.
_INTERVAL, _SHORTEST_INTERVAL = 0.2, 0.1
#: Seconds that a node may take to stop, beyond ``PODCRAWLER_SHUTDOWN_GRACE``.
_STOP_SECONDS = 10.0
#: Seconds for which a queue stands still before that is shown.
_STANDING_SECONDS = 3.0


class Supervisor:
    """Runs one job to its end."""

    def __init__(
        self,
        archive: Archive,
        job: Job,
        children: Mapping[str, Child],
        display: Display,
        embedded: EmbeddedServer | None,
        *,
        shutdown_grace: float,
        deadline: float = math.inf,
        kept: Callable[[str, str], int] = lambda *_: 0,
    ) -> None:
        """``children`` are nodes by spider; each is started when there is something for it to do. ``embedded`` is the
        server that the archive is in, if it is this machine's own: it is restarted if it dies.
        The children get ``shutdown_grace`` seconds to stop, also at the ``deadline`` (``time.monotonic``). ``kept`` is
        how many bytes the store has of an episode (ids of podcast and episode) that is not finished."""
        self._archive = archive
        self._job = job
        self._children = children
        self._display = display
        self._embedded = embedded
        self._grace = shutdown_grace
        self._deadline = deadline
        self._kept = kept
        self._pacer = Pacer()
        #: What is in hand of the job; what of it has ended by an event, and is still in a report.
        self._in_hand: list[InHand] = []
        self._has_ended: set[str] = set()
        #: What was in hand when the children were told to stop, and has not ended since; None before.
        self._handed_back: set[str] | None = None
        self._progress: JobProgress | None = None
        #: Bytes of the job, and since when there are so many (``time.monotonic``).
        self._received = 0
        self._active_at = time.monotonic()
        self._obstacle = ""
        #: By queue that stands still: since when (``time.monotonic``); infinite once that was shown.
        self._standing: dict[str, float] = {}
        #: The pauses that were shown: hosts with their ends.
        self._rests: set[tuple[str, float]] = set()
        self._has_told_others = False

    def run(self) -> Outcome:
        """Run until every entry of the job is finished or failed; until the deadline, if that comes first: the outcome
        says what is left. The children have ended when this returns. Raises podcrawler's RedisError if Redis loses
        again and again what it is told."""
        try:
            # While the addresses are queued, the node for them starts.
            self._children["podcasts"].ensure_running()
            self._job.start()
            next_step = time.monotonic()
            while (outcome := self._step()) is None:
                if time.monotonic() >= self._deadline:
                    stopped = self._stop("The time is over")
                    outcome = replace(self._job.outcome(), stopped=stopped if stopped.waiting else None)
                    break
                next_step = self._wait(next_step)
            with suppress(RedisError):
                self._job.end()
            return outcome
        except KeyboardInterrupt:
            self._display.show_line(f"Stopped: {self._stop('Stopping', can_hurry=True).whole}.")
            with suppress(RedisError):
                self._job.end()
            raise
        finally:
            self._end_children()

    def _step(self) -> Outcome | None:
        """Check everything once; the outcome if the job is done."""
        try:
            reports = self._archive.reports()
            progress = self._job.progress()
            is_done = progress.seems_done and self._job.is_done()
            self._read_events()
            for remark in self._job.new_remarks():
                self._display.show_line(remark, is_problem=True)
            paused = self._archive.is_paused()
            unreported = self._job.unreported(reports)
            outcome = self._job.outcome() if is_done else None
            if self._job.has_been_forgotten(outcome):
                outcome = None
                self._job.start_again()
                self._display.show_line(
                    "Redis has forgotten something of what it was told: the addresses are read again; "
                    "the files that are there stay.",
                    is_problem=True,
                )
        except RedisError as error:
            if not is_passing(error):
                raise
            self._wait_for_redis(error)
            return None
        self._show_obstacle(_obstacle(paused, reports))
        self._show_rests(progress.waits)
        self._show_others(progress)
        at_work = {report.spider for report in reports if report.state in ("working", None)}
        self._show_standing({queue: leases for queue, leases in unreported.items() if queue not in at_work})
        # Not while Redis is away: a node cannot start without it.
        for spider, is_needed in (("podcasts", progress.open_pages), ("episodes", progress.open_episodes)):
            child = self._children[spider]
            if is_needed or child.has_been_started:
                child.ensure_running()
        self._show(progress, reports)
        return outcome

    def _read_events(self) -> None:
        for event in self._job.new_events():
            if self._job.includes(event.group):
                self._active_at = time.monotonic()
                self._display.show_event(event)
                if event.state != "delayed":
                    self._has_ended.add(event.key)
                if self._handed_back is not None:
                    self._handed_back.discard(event.key)

    def _show(self, progress: JobProgress, reports: Sequence[Report]) -> None:
        """Show how far the job is. The reports are from before the events that were read."""
        reported = [episode for report in reports for episode in report.in_hand]
        self._has_ended &= {episode.key for episode in reported}
        self._in_hand = [
            e for e in reported if self._job.includes(group_of(e.key, b"")) and e.key not in self._has_ended
        ]
        if self._handed_back is not None:
            self._handed_back |= {episode.key for episode in self._in_hand}
        now = time.monotonic()
        self._progress = progress = self._job.counted(progress)
        pace = self._pacer.update(progress, self._in_hand, now)
        if pace.received != self._received:
            self._received, self._active_at = pace.received, now
        self._display.show(View(progress, pace, self._in_hand, now - self._active_at))

    def _stop(self, why: str, *, can_hurry: bool = False) -> Stopped:
        """Stop the children, and go on to show how far the job is until they have ended; what is left."""
        self._handed_back = handed_back = {episode.key for episode in self._in_hand}
        if self._grace:
            hurry = "; press Ctrl-C again to stop at once" if can_hurry else ""
            self._display.show_line(f"{why}: downloads get {self._grace:g} s to end{hurry}.")
        try:
            self._drain(self._grace + _STOP_SECONDS)
        except KeyboardInterrupt:
            self._display.show_line("Stopping at once.")
            self._drain(_STOP_SECONDS)
        with suppress(RedisError):
            self._read_events()
            self._progress = self._job.counted(self._job.progress())
        if (progress := self._progress) is None:
            return Stopped()
        delays = sum(delay.entries for delay in progress.delays), sum(delay.entries for delay in progress.page_delays)
        return Stopped(
            finished=progress.finished,
            bytes=progress.bytes,
            handed_back=len(handed_back),
            kept=sum(self._kept(*key.split("/", 1)) for key in handed_back),
            not_begun=max(0, progress.open_episodes - len(handed_back) - delays[0]),
            not_read=max(0, progress.open_pages - delays[1]),
            delays=[*progress.delays, *progress.page_delays],
        )

    def _drain(self, seconds: float) -> None:
        """Ask the children to stop, and show what they do until they have; kill those that take longer."""
        for child in self._children.values():
            child.terminate()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not all(child.has_ended(_INTERVAL / 2) for child in self._children.values()):
            with suppress(RedisError):
                reports, progress = self._archive.reports(), self._job.progress()
                self._read_events()
                self._show(progress, reports)
        for child in self._children.values():
            child.wait(0)

    def _wait(self, earliest: float) -> float:
        """Wait for the next step, which is due when a lease has ended, but not before ``earliest``
        (``time.monotonic``); the earliest time of the step after it."""
        end = time.monotonic() + _INTERVAL
        try:
            self._job.wait_for_event(_INTERVAL)
        except RedisError:
            time.sleep(max(0.0, end - time.monotonic()))
        time.sleep(max(0.0, earliest - time.monotonic()))
        return time.monotonic() + _SHORTEST_INTERVAL

    def _wait_for_redis(self, error: RedisError) -> None:
        try:
            if self._embedded and self._embedded.ensure_running():
                self._display.show_line(
                    "The embedded Valkey had died and was started again; nothing is lost.", is_problem=True
                )
                return
        except StateDiskFullError as full:
            self._show_obstacle(f"{full} podcrawler goes on by itself then.")
            return
        told = sentence_about(error) if condition_of(error) else f"Redis does not answer ({cause_of(error)})."
        self._show_obstacle(f"{told} Waiting until it works again.")

    def _end_children(self) -> None:
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            child.wait(self._grace + _STOP_SECONDS)

    def _show_obstacle(self, sentence: str) -> None:
        """Show what keeps the job from making progress, once; the empty sentence means nothing does."""
        if sentence and sentence != self._obstacle:
            self._display.show_line(sentence, is_problem=True)
        self._obstacle = sentence

    def _show_standing(self, unreported: Mapping[str, Unreported]) -> None:
        """Show once for which queues all nodes wait for leases of nodes that died."""
        now = time.monotonic()
        self._standing = {queue: self._standing.get(queue, now) for queue in unreported}
        for queue, since in self._standing.items():
            # A node that has just started has leases before it reports.
            if now - since >= _STANDING_SECONDS:
                self._standing[queue] = math.inf
                self._display.show_line(standing(queue, unreported[queue]))

    def _show_rests(self, waits: Sequence[HostWait]) -> None:
        """Show for which hosts everything waits because they asked for that, each time once."""
        rests = {(wait.host, wait.rests_until): wait for wait in waits if wait.asked_by}
        for rest, wait in rests.items():
            if rest not in self._rests:
                self._display.show_line(waiting(wait))
        self._rests = set(rests)

    def _show_others(self, progress: JobProgress) -> None:
        """Show once that the queue has episodes of other podcasts, once all pages of this job are read."""
        if progress.others and not progress.open_pages and not self._has_told_others:
            self._has_told_others = True
            episodes = (
                "1 episode of other podcasts is"
                if progress.others == 1
                else (f"{progress.others} episodes of other podcasts are")
            )
            rest = (
                f"left alone (`{called()} archive --no-only ...` downloads what else is in the queue)"
                if self._job.set_aside
                else "downloaded as well, and not counted here"
            )
            self._display.show_line(f"{episodes} in the queue, too: {rest}.")


def _obstacle(paused: bool, reports: Sequence[Report]) -> str:
    if paused:
        return f"The queue is paused: nothing new is started until `{called()} resume`."
    reason = next((report.holds_off for report in reports if report.holds_off), "")
    if reason:
        return f"Nothing new is taken up for now: {reason}"
    complaint = next((report.complaint for report in reports if report.complaint), "")
    return f"{complaint[0].upper()}{complaint[1:]}." if complaint else ""


def new_children(
    settings: Settings, run_node: Callable[[Settings, str], int], redis_url: str | None, state_dir: Path, place: int = 1
) -> dict[str, Child]:
    """The nodes of this machine by spider: one for list pages, one for episodes. Each does ``run_node``, with its
    settings and the name of its spider. ``place`` is that of the run among those of the folder (at_work.py): each has
    logs of its own."""
    logs = state_dir / "logs"
    logs.mkdir(exist_ok=True, parents=True)
    for_nodes = settings.copy()
    for name, value in {
        **({"REDIS_URL": redis_url} if redis_url else {}),
        "PODCRAWLER_STATE_DIR": str(state_dir),
        "PODCRAWLER_SUPERVISOR_PID": os.getpid(),
        # The supervisor stops them when the job is done; until then, one may be idle while it waits for the other.
        "PODCRAWLER_EXIT_WHEN_DONE": False,
        "MAX_IDLE_TIME_BEFORE_CLOSE": 0,
    }.items():
        for_nodes.set(name, value, priority="cmdline")
    return {
        spider: Child(
            spider, partial(run_node, for_nodes, spider), logs / f"{spider}{'' if place == 1 else f'-{place}'}.log"
        )
        for spider in ("podcasts", "episodes")
    }
