"""The supervisor: does a whole job on this machine, as a small fleet of child nodes around one Redis.

There is no second way of running: the children are the same ``crawl`` processes that make up a fleet of many
machines, and what is shown of them is what they report through Redis.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from scrapy.settings import BaseSettings

from podcrawler.config import Config
from podcrawler.fleet.children import Child
from podcrawler.fleet.display import Display
from podcrawler.fleet.job import Job, Outcome
from podcrawler.fleet.pausing import is_paused
from podcrawler.fleet.report import Report, read_reports
from podcrawler.queue.keys import Keys
from podcrawler.redis.embedded import EmbeddedServer

#: Seconds between two looks at the queue and the children.
_INTERVAL = 0.2
#: Seconds that a node may take to stop, beyond the time of grace.
_STOP_SECONDS = 10.0


class Supervisor:
    """Runs one job to its end."""

    def __init__(
        self,
        settings: BaseSettings,
        redis: Redis,
        job: Job,
        children: Sequence[Child],
        display: Display,
        embedded: EmbeddedServer | None,
    ) -> None:
        """``embedded`` is the server behind ``redis`` if it is this machine's own: it is started again if it dies."""
        self._redis = redis
        config = Config.read(settings)
        self._settings = settings
        self._keys = Keys(config.namespace)
        self._grace = config.shutdown_grace
        self._in_the_way = ""
        self._job = job
        self._children = children
        self._display = display
        self._embedded = embedded

    def run(self) -> None:
        """Work until everything that the job knows of is at its end. The children are gone when this returns."""
        try:
            self._job.start()
            while not self._step():
                time.sleep(_INTERVAL)
        except KeyboardInterrupt:
            if self._grace:
                self._display.say(
                    f"Stopping: downloads get {self._grace:g} s to end; press Ctrl-C again to stop at once."
                )
            raise
        finally:
            self._stop_children()

    def outcome(self) -> Outcome:
        return self._job.outcome()

    def _step(self) -> bool:
        """Look after everything once; whether the job is done."""
        try:
            standing = self._job.standing()
            for event in self._job.follow():
                if self._job.concerns(event):
                    self._display.tell(event)
            reports = read_reports(self._redis, self._keys)
            paused = is_paused(self._redis, self._settings)
        except (RedisConnectionError, RedisTimeoutError) as error:
            self._redis_is_away(error)
            return False
        self._say_once(_in_the_way(paused, reports))
        # Not while Redis is away: a node cannot start without it.
        for child in self._children:
            child.look_after()
        self._display.show(standing, [episode for report in reports for episode in report.in_hand])
        return standing.done

    def _redis_is_away(self, error: Exception) -> None:
        if self._embedded is None:
            self._say_once(f"Redis does not answer ({error}); waiting for it.")
        elif self._embedded.ensure_running():
            self._display.say("The embedded Valkey had died and was started again; nothing is lost.")

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

    def _say_once(self, sentence: str) -> None:
        """Say what is in the way, unless that was the last thing said of it; the empty sentence when nothing is."""
        if sentence and sentence != self._in_the_way:
            self._display.say(sentence)
        self._in_the_way = sentence


def _in_the_way(paused: bool, reports: Sequence[Report]) -> str:
    if paused:
        return "The queue is paused: nothing new is taken up until `podcrawler resume`."
    reason = next((report.holds_off for report in reports if report.holds_off), "")
    return f"Nothing new is taken up for now: {reason}" if reason else ""


def new_children(settings: BaseSettings, options: Sequence[str], redis_url: str | None, state_dir: Path) -> list[Child]:
    """The nodes of this machine: one for list pages, one for episodes. ``options`` go to both."""
    logs = state_dir / "logs"
    logs.mkdir(exist_ok=True, parents=True)
    environment = {
        **({"REDIS_URL": redis_url} if redis_url else {}),
        "FILES_STORE": settings["FILES_STORE"],
        "PODCRAWLER_STATE_DIR": str(state_dir),
        "PODCRAWLER_SUPERVISOR_PID": str(os.getpid()),
    }
    return [Child(spider, options, environment, logs / f"{spider}.log") for spider in ("podcasts", "episodes")]
