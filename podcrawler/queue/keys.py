"""The names of the keys in Redis; docs/queue-keys.md says what each holds. A key that one module alone touches has its
name there.

All but the seeds begin with the name of the archive.
"""

from dataclasses import dataclass

#: The names of the queues.
QUEUES = ("podcasts", "episodes")


@dataclass(frozen=True, slots=True)
class _PodcastKeys:
    """The keys that each podcast has."""

    namespace: str = "podcrawler"

    @property
    def archive(self) -> str:
        """The prefix of the keys that belong to no queue."""
        return f"{{{self.namespace}}}:"

    def finished(self, podcast_id: str) -> str:
        return f"{self.archive}finished:{podcast_id}"

    def removed(self, podcast_id: str) -> str:
        return f"{self.archive}removed:{podcast_id}"

    def imported(self, podcast_id: str) -> str:
        return f"{self.archive}imported:{podcast_id}"

    def identities(self, podcast_id: str) -> str:
        return f"{self.archive}identities:{podcast_id}"

    def published(self, podcast_id: str) -> str:
        return f"{self.archive}published:{podcast_id}"

    def withdrawn(self, podcast_id: str) -> str:
        return f"{self.archive}withdrawn:{podcast_id}"

    def accounts(self, podcast_id: str) -> str:
        return f"{self.archive}accounts:{podcast_id}"

    def no_ranges(self, podcast_id: str) -> str:
        return f"{self.archive}no-ranges:{podcast_id}"

    def left_out(self, podcast_id: str) -> str:
        return f"{self.archive}left-out:{podcast_id}"

    def versions(self, podcast_id: str) -> str:
        return f"{self.archive}versions:{podcast_id}"


@dataclass(frozen=True, slots=True)
class Keys(_PodcastKeys):
    """The keys of one archive. ``namespace`` is the word in the hash tag (``PODCRAWLER_NAMESPACE``)."""

    def queue(self, name: str) -> str:
        """The prefix of the keys of the queue ``name`` (``episodes`` or ``podcasts``)."""
        return f"{self.archive}{name}:"

    def listed(self, root: str) -> str:
        return f"{self.archive}listed:{root}"

    def visit(self, root: str) -> str:
        return f"{self.archive}visit:{root}"

    def node(self, name: str) -> str:
        return f"{self.archive}node:{name}"

    @property
    def nodes(self) -> str:
        return f"{self.archive}nodes"

    @property
    def paused(self) -> str:
        return f"{self.archive}paused"

    @property
    def podcasts(self) -> str:
        return f"{self.archive}podcasts"

    @property
    def visited(self) -> str:
        return f"{self.archive}visited"

    @property
    def addresses(self) -> str:
        return f"{self.archive}addresses"

    @property
    def logins(self) -> str:
        return f"{self.archive}logins"

    @property
    def subscriptions(self) -> str:
        return f"{self.archive}subscriptions"

    @property
    def checks(self) -> str:
        return f"{self.archive}checks"

    @property
    def events(self) -> str:
        return f"{self.archive}events"
