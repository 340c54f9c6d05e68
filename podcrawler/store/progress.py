"""What is known of the bytes in a part while it grows, and its checkpoint, which tells that to later transfers."""

import time

from podcrawler.store.checkpoint import NOTHING, Checkpoint, CheckpointFile, Tally, remove_checkpoint
from podcrawler.store.evidence import Judgement
from podcrawler.store.fs import Folder
from podcrawler.store.validators import Validator


class Progress:
    """Of one part; to be closed. Not for several threads at once. The methods that write or remove block and raise
    OSError."""

    def __init__(self, enclosure: str, key: bytes) -> None:
        """``enclosure`` is ``validators.resource`` of what is fetched; ``key`` proves the checkpoints."""
        #: The version that the bytes are of; None if no later transfer could prove it. And when it was seen first, in
        #: seconds since 1970.
        self.validator: Validator | None = None
        self.since = 0.0
        #: The bytes that are in the file, and those that survive a power cut.
        self.written = Tally()
        self.synced = NOTHING
        self._enclosure = enclosure
        self._key = key
        self._checkpoint: CheckpointFile | None = None

    @property
    def has_checkpoint(self) -> bool:
        return self._checkpoint is not None

    def take(self, checkpoint: Checkpoint, written: Tally) -> None:
        """Go on from an earlier transfer, of which ``written`` is on the disk, and proven."""
        self.validator, self.since = checkpoint.validator, checkpoint.since
        self.written, self.synced = written, written.mark()

    def since_of(self, judgement: Judgement) -> float:
        """When the version of a body that was judged was seen first."""
        known, told = self.validator, judgement.validator
        return self.since if known and told and known.value == told.value else time.time()

    def clear(self) -> None:
        """No byte is in the file, and its version is not known."""
        self.validator = None
        self.written, self.synced = Tally(), NOTHING

    def write(self, folder: Folder, part: str) -> None:
        """Write the checkpoint anew."""
        assert self.validator is not None
        new = CheckpointFile(folder, part, self._key, self.validator, self._enclosure, self.since, self.synced)
        self.close()
        self._checkpoint = new
        self.note()

    def note(self) -> None:
        """Note in the checkpoint what was written since."""
        if self._checkpoint:
            self._checkpoint.note(self.written.mark())

    def remove(self, folder: Folder, part: str) -> None:
        """Remove the checkpoint, if there is one."""
        if self._checkpoint:
            self.close()
            remove_checkpoint(folder, part)

    def close(self) -> None:
        if self._checkpoint:
            self._checkpoint.close()
            self._checkpoint = None
