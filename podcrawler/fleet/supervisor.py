"""The supervisor: does a whole job on this machine, as a small fleet of child nodes around one Redis.

There is no second way of running: the children are ``crawl`` processes as on a fleet of many machines, and what is
shown of them is what they report through Redis.
"""

import math
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from redis.exceptions import RedisError
from scrapy.settings import BaseSettings

from podcrawler.fleet.children import Child
from podcrawler.fleet.display import Display
from podcrawler.fleet.job import Job, Outcome
from podcrawler.fleet.waiting import standing, waiting
from podcrawler.queue.archive import Archive, Report
from podcrawler.queue.broker import HostWait, Unreported
from podcrawler.redis.connection import is_passing
from podcrawler.redis.embedded import EmbeddedServer

#: Seconds between two checks of the queue and the children.
_INTERVAL = 0.2
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
        children: Sequence[Child],
        display: Display,
        embedded: EmbeddedServer | None,
        *,
        shutdown_grace: float,
    ) -> None:
        """``embedded`` is the server that the archive is in, if it is this machine's own: it is restarted if it dies.
        The children get ``shutdown_grace`` seconds to stop."""
        self._archive = archive
        self._job = job
        self._children = children
        self._display = display
        self._embedded = embedded
        self._grace = shutdown_grace
        self._obstacle = ""
        #: By queue that stands still: since when (``time.monotonic``); infinite once that was shown.
        self._standing: dict[str, float] = {}
        #: The pauses that were shown: hosts with their ends.
        self._rests: set[tuple[str, float]] = set()

    def run(self) -> Outcome:
        """Run until every entry of the job is finished or failed. The children have ended when this returns. Raises
        podcrawler's RedisError if Redis loses again and again what it is told."""
        try:
            self._job.start()
            while (outcome := self._step()) is None:
                time.sleep(_INTERVAL)
            with suppress(RedisError):
                self._job.end()
            return outcome
        except KeyboardInterrupt:
            if self._grace:
                self._display.show_line(
                    f"Stopping: downloads get {self._grace:g} s to end; press Ctrl-C again to stop at once."
                )
            raise
        finally:
            self._stop_children()

    def _step(self) -> Outcome | None:
        """Check everything once; the outcome if the job is done."""
        try:
            progress = self._job.progress()
            is_done = progress.seems_done and self._job.is_done()
            for event in self._job.new_events():
                if self._job.includes(event.group):
                    self._display.show_event(event)
            reports = self._archive.reports()
            paused = self._archive.is_paused()
            unreported = self._job.unreported(reports)
            outcome = self._job.outcome() if is_done else None
            if self._job.has_been_forgotten(outcome):
                outcome = None
                self._job.start_again()
                self._display.show_line(
                    "Redis has forgotten something of what it was told: the addresses are read again; "
                    "the files that are there stay."
                )
        except RedisError as error:
            if not is_passing(error):
                raise
            self._wait_for_redis(error)
            return None
        self._show_obstacle(_obstacle(paused, reports))
        self._show_rests(progress.waits)
        at_work = {report.spider for report in reports if report.state in ("working", None)}
        self._show_standing({queue: leases for queue, leases in unreported.items() if queue not in at_work})
        # Not while Redis is away: a node cannot start without it.
        for child in self._children:
            child.ensure_running()
        self._display.show_progress(progress, [episode for report in reports for episode in report.in_hand])
        return outcome

    def _wait_for_redis(self, error: Exception) -> None:
        if self._embedded is None:
            self._show_obstacle(f"Redis does not answer ({error}); waiting for it.")
        elif self._embedded.ensure_running():
            self._display.show_line("The embedded Valkey had died and was started again; nothing is lost.")

    def _stop_children(self) -> None:
        try:
            self._end_children(self._grace + _STOP_SECONDS)
        except KeyboardInterrupt:
            self._end_children(_STOP_SECONDS)
            raise

    def _end_children(self, seconds: float) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait(seconds)

    def _show_obstacle(self, sentence: str) -> None:
        """Show what keeps the job from making progress, once; the empty sentence means nothing does."""
        if sentence and sentence != self._obstacle:
            self._display.show_line(sentence)
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


def _obstacle(paused: bool, reports: Sequence[Report]) -> str:
    if paused:
        return "The queue is paused: nothing new is started until `podcrawler resume`."
    reason = next((report.holds_off for report in reports if report.holds_off), "")
    return f"Nothing new is taken up for now: {reason}" if reason else ""


def new_children(settings: BaseSettings, options: Sequence[str], redis_url: str | None, state_dir: Path) -> list[Child]:
    """The nodes of this machine: one for list pages, one for episodes, both with ``options`` of ``scrapy crawl``."""
    logs = state_dir / "logs"
    logs.mkdir(exist_ok=True, parents=True)
    environment = {
        **({"REDIS_URL": redis_url} if redis_url else {}),
        "FILES_STORE": settings["FILES_STORE"],
        "PODCRAWLER_STATE_DIR": str(state_dir),
        "PODCRAWLER_SUPERVISOR_PID": str(os.getpid()),
    }
    return [Child(spider, options, environment, logs / f"{spider}.log") for spider in ("podcasts", "episodes")]
