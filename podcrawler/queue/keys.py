"""The names of all keys in Redis; docs/queue-keys.md says what each holds.

All but the seeds begin with the name of the archive.
"""

from dataclasses import dataclass

#: The names of the queues.
QUEUES = ("podcasts", "episodes")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one archive. ``namespace`` is the word in the hash tag (``PODCRAWLER_NAMESPACE``)."""

    namespace: str = "podcrawler"

    @property
    def archive(self) -> str:
        """The prefix of the keys that belong to no queue."""
        return f"{{{self.namespace}}}:"

    def queue(self, name: str) -> str:
        """The prefix of the keys of the queue ``name`` (``episodes`` or ``podcasts``)."""
        return f"{self.archive}{name}:"

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
    def addresses(self) -> str:
        return f"{self.archive}addresses"

    @property
    def logins(self) -> str:
        return f"{self.archive}logins"

    @property
    def events(self) -> str:
        return f"{self.archive}events"


def left_out(keys: Keys, podcast_id: str) -> str:
    """Where is kept which of the podcast's episodes are left out, and why."""
    return f"{keys.archive}left-out:{podcast_id}"


def versions(keys: Keys, podcast_id: str) -> str:
    """Where is kept what was offered of the podcast's files."""
    return f"{keys.archive}versions:{podcast_id}"
