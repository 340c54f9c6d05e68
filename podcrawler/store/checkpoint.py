"""Checkpoints: a small JSON file beside a part, which says which version of the media file its bytes are of, and proves
them, so that another transfer can resume it (resume.py).

Others may write in the store, too. So a checkpoint has the SHA-256 of the bytes, and a code of all that it says (HMAC,
RFC 2104), made with a key that only the nodes of the fleet have. Bytes that are not proven are fetched again.
"""

import hashlib
import hmac
import secrets
from contextlib import suppress
from typing import BinaryIO, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from podcrawler.store import names
from podcrawler.store.fs import Folder
from podcrawler.store.validators import Validator

#: A key that no other process has.
OWN_KEY = secrets.token_bytes(32)

#: Bytes of a checkpoint that are read at most; it has about a thousand.
_MAX_SIZE = 64 * 1024
_BLOCK = 1024 * 1024


class Mark(BaseModel):
    """The first bytes of a part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=0, ge=0)
    #: In hex digits.
    sha256: str = hashlib.sha256().hexdigest()


NOTHING = Mark()


class Tally:
    """Bytes that are counted and hashed as they come."""

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        self._sha256.update(piece)
        self.size += len(piece)

    def copy(self) -> "Tally":
        copy = Tally()
        copy.size, copy._sha256 = self.size, self._sha256.copy()
        return copy

    def mark(self) -> Mark:
        return Mark(size=self.size, sha256=self._sha256.hexdigest())


class Checkpoint(BaseModel):
    """What is known of the bytes in a part. All methods block."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    validator: Validator = Field(validation_alias="version", serialization_alias="version")
    #: ``validators.resource`` of the enclosure's address.
    enclosure: str
    #: When the version was seen first, in seconds since 1970.
    since: float = 0.0
    #: The bytes that survive a power cut.
    synced: Mark = NOTHING
    #: Those that were written when the checkpoint was.
    written: Mark = NOTHING
    #: The code of all this, in hex digits; empty until it is written.
    proof: str = Field(default="", pattern=r"^[0-9a-f]*$")

    @classmethod
    def read(cls, folder: Folder, part: str, key: bytes) -> Self | None:
        """The checkpoint of a part; None if there is none that can be read and was made with the key."""
        _, name = names.checkpoint_names(part)
        try:
            with folder.read(name) as file:
                found = cls.model_validate_json(file.read(_MAX_SIZE))
        except (OSError, ValidationError):
            return None
        return found if found.is_proven(key) else None

    def write(self, folder: Folder, part: str, key: bytes) -> None:
        """Put it beside the part, in place of an older one, in one step. Raises OSError."""
        unfinished, name = names.checkpoint_names(part)
        proven = self.model_copy(update={"proof": self._code(key)})
        # Whatever has the name is of a node that died, or a stranger's.
        folder.remove(unfinished)
        try:
            folder.write(unfinished, proven.model_dump_json().encode())
            folder.rename(unfinished, name)
        except OSError:
            with suppress(OSError):
                folder.remove(unfinished)
            raise

    def is_proven(self, key: bytes) -> bool:
        """Whether it was written with the key."""
        return hmac.compare_digest(self.proof, self._code(key))

    def usable(self, size: int) -> int:
        """How many of the ``size`` bytes in the part a transfer may resume from, if they are proven."""
        return max(self._usable(mark) for mark in (NOTHING, self.synced, self.written) if mark.size <= size)

    def proven(self, file: BinaryIO) -> Tally:
        """The first bytes of the part that a transfer may resume from. Reads them."""
        best, read = Tally(), Tally()
        for mark in sorted({self.synced, self.written}, key=lambda mark: mark.size):
            _read(file, read, self._usable(mark))
            usable = read.copy()
            _read(file, read, mark.size)
            if read.mark() != mark:
                break
            best = usable
        return best

    def _code(self, key: bytes) -> str:
        return hmac.digest(key, self.model_dump_json(exclude={"proof"}).encode(), "sha256").hex()

    def _usable(self, mark: Mark) -> int:
        """Fewer than the whole: only the answer to a request for at least one byte proves the version."""
        return mark.size if self.validator.size is None else min(mark.size, self.validator.size - 1)


def remove_checkpoint(folder: Folder, part: str) -> None:
    """Remove the checkpoint of a part, if there is one. Blocking. Raises OSError."""
    for name in names.checkpoint_names(part):
        folder.remove(name)


def _read(file: BinaryIO, read: Tally, size: int) -> None:
    """Read on until there are so many bytes, or no more."""
    while read.size < size and (block := file.read(min(_BLOCK, size - read.size))):
        read.add(block)
