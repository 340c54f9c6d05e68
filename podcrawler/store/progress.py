"""What is known of the bytes in a part while it grows, and its checkpoint, which tells that to later transfers."""

import time

from podcrawler.store.checkpoint import NOTHING, Checkpoint, Tally, remove_checkpoint
from podcrawler.store.evidence import Judgement
from podcrawler.store.fs import Folder
from podcrawler.store.validators import Validator

#: Seconds between two checkpoints: about the most that is fetched again after a node was killed.
_EVERY = 1.0


class Progress:
    """Of one part. Not for several threads at once; ``write`` and ``remove`` block and raise OSError."""

    def __init__(self, enclosure: str, key: bytes) -> None:
        """``enclosure`` is ``validators.resource`` of what is fetched; ``key`` proves the checkpoints."""
        #: The version that the bytes are of; None if no later transfer could prove it. And when it was seen first, in
        #: seconds since 1970.
        self.validator: Validator | None = None
        self.since = 0.0
        #: The bytes that are in the file, and those that survive a power cut.
        self.written = Tally()
        self.synced = NOTHING
        self.has_checkpoint = False
        self._enclosure = enclosure
        self._key = key
        self._due_at = 0.0

    @classmethod
    def of(cls, checkpoint: Checkpoint, written: Tally, key: bytes) -> "Progress":
        """That of an earlier transfer, of which ``written`` is there."""
        progress = cls(checkpoint.enclosure, key)
        progress.validator, progress.since = checkpoint.validator, checkpoint.since
        progress.written = written
        if checkpoint.synced.size <= written.size:
            progress.synced = checkpoint.synced
        return progress

    @property
    def is_due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() >= self._due_at

    def since_of(self, judgement: Judgement) -> float:
        """When the version of a body that was judged was seen first."""
        known, told = self.validator, judgement.validator
        return self.since if known and told and known.value == told.value else time.time()

    def clear(self) -> None:
        """No byte is in the file, and its version is not known."""
        self.validator = None
        self.written, self.synced = Tally(), NOTHING

    def write(self, folder: Folder, part: str) -> None:
        """Write the checkpoint."""
        assert self.validator is not None
        # Also after an error, which may come again.
        self._due_at = time.monotonic() + _EVERY
        Checkpoint(
            validator=self.validator,
            enclosure=self._enclosure,
            since=self.since,
            synced=self.synced,
            written=self.written.mark(),
        ).write(folder, part, self._key)
        self.has_checkpoint = True

    def remove(self, folder: Folder, part: str) -> None:
        """Remove the checkpoint, if there is one."""
        if self.has_checkpoint:
            remove_checkpoint(folder, part)
            self.has_checkpoint = False
