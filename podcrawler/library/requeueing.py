"""Has episodes queued again whose files verify.py has found damaged or missing, and knows which of them are missed.

What another store has is neither missed nor fetched again: a record names the store that has the file.
"""

from collections.abc import Collection, Mapping

from redis import Redis

from podcrawler.library.catalog import Place
from podcrawler.library.verify import Finding, Verified
from podcrawler.namespace import AnySettings
from podcrawler.queue.broker import Broker
from podcrawler.queue.entries import episode_request, is_requestable
from podcrawler.queue.inventory import Inventory
from podcrawler.queue.records import Recorded, Records
from podcrawler.queue.requests import entry_as_json
from podcrawler.queue.values import DROPPED
from podcrawler.store import names
from podcrawler.store.identity import store_id
from podcrawler.store.sidecar import Sidecar


class Requeueing:
    """The record of one archive, and its queue of episodes. Blocks on Redis."""

    def __init__(self, settings: AnySettings, redis: Redis) -> None:
        self._settings = settings
        self._redis = redis
        self._records = Records.from_settings(settings, redis)
        self._store = store_id(settings).id

    def podcast_ids(self) -> list[str]:
        """The podcasts that are known."""
        return Inventory.from_settings(self._settings, self._redis).podcast_ids()

    def expected(self, podcast_id: str) -> Mapping[str, Recorded]:
        """The finished episodes of which this very store has the files, by id."""
        return {one.id: one for one in self._records.finished(podcast_id) if self._store and one.store == self._store}

    def add_missing(
        self, verified: Verified, podcast_ids: Collection[str], expected: Mapping[str, Mapping[str, Recorded]]
    ) -> None:
        """Add a finding for each episode that has no file and was ``expected`` (by podcast), before the files were
        listed. Remove the findings on files that are gone on purpose. ``podcast_ids`` are those that have folders."""
        told = {_key_of(finding.target or finding.place) for finding in verified.findings}
        for podcast_id, recorded in expected.items():
            if podcast_id not in podcast_ids:
                told_files = "1 file is" if len(recorded) == 1 else f"{len(recorded)} files are"
                problem = f"its folder is not there, where {told_files} archived: see that its disk is mounted"
                verified.findings += [Finding("missing", Place(podcast_id, ""), problem)] if recorded else []
                continue
            for name in sorted(recorded.keys() - verified.present[podcast_id]):
                if f"{podcast_id}/{name}" not in told:
                    place = Place(podcast_id, name)
                    verified.findings.append(Finding("missing", place, "no file of the episode is there"))
        podcasts = {finding.place.podcast_id for finding in verified.findings if finding.kind == "missing"}
        unmissed = {f"{podcast_id}/{name}" for podcast_id in podcasts for name in self._unmissed(podcast_id)}
        verified.findings[:] = [
            finding
            for finding in verified.findings
            if finding.kind != "missing" or _key_of(finding.place) not in unmissed
        ]

    def _unmissed(self, podcast_id: str) -> set[str]:
        dropped = {one.id for one in self._records.finished(podcast_id) if one.store == DROPPED}
        return dropped | self._records.removed(podcast_id)

    def refusal(self, key: str, version: int) -> str:
        """Why this version of an episode's file is not to be fetched again; empty if it is."""
        recorded = self._records.one(key)
        if recorded is None:
            return ""
        if recorded.store not in ("", self._store):
            return "another store is recorded to have it, and this one fetches it not again"
        if recorded.version > version:
            return "its publisher has replaced this version, and has it no more"
        return ""

    def queue(self, key: str, sidecar: Sidecar | None) -> str:
        """Have an episode fetched again; what is done about it."""
        podcast_id, _, name = key.partition("/")
        if recorded := self._records.one(key):
            self._records.change(podcast_id, [recorded.gone()])
        episode = sidecar.episode if sidecar else None
        if episode is None or (episode.podcast_id, episode.id) != (podcast_id, name) or not is_requestable(episode):
            return "queued again when its podcast lists it"
        entry = entry_as_json(episode_request(episode))
        pushed = Broker.from_settings(self._settings, self._redis, "episodes").push_many([entry])
        if pushed.finished:
            return "not queued, because it was forgotten"
        return "it has failed to be fetched again: see `failed`" if pushed.failed else "queued again"


def _key_of(place: Place) -> str:
    return f"{place.podcast_id}/{names.episode_of(place.name) or place.name}"
