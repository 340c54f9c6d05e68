"""Checkpoints: a small JSON file beside a part, which says which version of the media file its bytes are of, and proves
them, so that another transfer can resume it (resume.py).

Others may write in the store, too. So all that a checkpoint says of a part is proven by codes (HMAC, RFC 2104) that are
made with a key that only the nodes of the fleet have. Bytes that are not proven are fetched again.
"""

import hashlib
import hmac
import json
import os
import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from podcrawler.store import names
from podcrawler.store.fs import Folder
from podcrawler.store.validators import Validator

#: A key that no other process has.
OWN_KEY = secrets.token_bytes(32)

#: Bytes of a checkpoint that are read at most; it has about a thousand.
_MAX_SIZE = 64 * 1024
#: Bytes of a part that are read at once.
_BLOCK = 1024 * 1024
#: What a checkpoint ends with, of the same length whatever the values.
_TAIL = ', "written": {:>16}, "written_proof": "{}"}}'
_CODE = r"^[0-9a-f]{64}$"


class Mark(NamedTuple):
    """The first bytes of a part: how many they are, and their SHA-256 in hex digits."""

    size: int
    sha256: str


NOTHING = Mark(0, hashlib.sha256().hexdigest())


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
        return Mark(self.size, self._sha256.hexdigest())


class Checkpoint(BaseModel):
    """What is known of the bytes in a part. All methods block."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    validator: Validator = Field(validation_alias="version", serialization_alias="version")
    #: ``validators.resource`` of the enclosure's address.
    enclosure: str
    #: When the version was seen first, in seconds since 1970.
    since: float
    #: The code of all that.
    proof: str = Field(pattern=_CODE)
    #: The boot id of the machine that wrote the part: until its next boot, all that was written counts.
    boot: str
    #: Bytes that survive a power cut, and those that were written. Their codes are of all the above and the bytes.
    synced: int = Field(ge=0)
    synced_proof: str = Field(pattern=_CODE)
    written: int = Field(ge=0)
    written_proof: str = Field(pattern=_CODE)

    @classmethod
    def read(cls, folder: Folder, part: str, key: bytes) -> Self | None:
        """The checkpoint of a part; None if there is none that can be read and was made with the key."""
        _, name = names.checkpoint_names(part)
        try:
            with folder.read(name) as file:
                found = cls.model_validate_json(file.read(_MAX_SIZE))
        except (OSError, ValidationError):
            return None
        is_proven = hmac.compare_digest(found.proof, _code(key, found.validator, found.enclosure, found.since))
        return found if is_proven else None

    def usable(self, size: int) -> int:
        """How many of the ``size`` bytes in the part a transfer may resume from, if they are proven."""
        return max((self._resumable(end) for end, _ in self._ends() if end <= size), default=0)

    def proven(self, file: BinaryIO, key: bytes) -> Tally:
        """The first bytes of the part that a transfer may resume from. Reads them."""
        best, usable, read = Tally(), Tally(), Tally()
        for end, proof in self._ends():
            if read.size < end:
                _read(file, read, self._resumable(end))
                usable = read.copy()
                _read(file, read, end)
            if read.size != end or not hmac.compare_digest(proof, bytes_code(key, self.proof, read.mark())):
                break
            best = usable
        return best

    def _ends(self) -> list[tuple[int, str]]:
        """How many bytes there may be, and the code of each number, in their order."""
        ends = [(self.synced, self.synced_proof)]
        if self.boot and self.boot == _boot_id():
            ends.append((self.written, self.written_proof))
        return sorted(ends)

    def _resumable(self, size: int) -> int:
        """Fewer than the whole: only the answer to a request for at least one byte proves the version."""
        return size if self.validator.size is None else min(size, self.validator.size - 1)


class CheckpointFile:
    """The checkpoint of a part that grows, as it was written last. To be closed. Blocking; raises OSError."""

    def __init__(
        self, folder: Folder, part: str, key: bytes, validator: Validator, enclosure: str, since: float, synced: Mark
    ) -> None:
        """Put it beside the part, in place of an older one, in one step."""
        self._key = key
        self._proof = _code(key, validator, enclosure, since)
        head = json.dumps(
            {
                "version": validator.model_dump(),
                "enclosure": enclosure,
                "since": since,
                "proof": self._proof,
                "boot": _boot_id(),
                "synced": synced.size,
                "synced_proof": bytes_code(key, self._proof, synced),
            }
        )
        self._head = head[:-1].encode()
        unfinished, name = names.checkpoint_names(part)
        # Whatever has the name is of a node that died, or a stranger's.
        folder.remove(unfinished)
        self._file = folder.new_file(unfinished)
        try:
            os.write(self._file, self._head + self._tail(synced))
            folder.rename(unfinished, name)
        except OSError:
            self.close()
            with suppress(OSError):
                folder.remove(unfinished)
            raise

    def note(self, written: Mark) -> None:
        """Note that these bytes were written. In place: for each megabyte, a new file would cost too much. If a power
        cut tears it, what was synced is still proven."""
        os.pwrite(self._file, self._tail(written), len(self._head))

    def close(self) -> None:
        os.close(self._file)

    def _tail(self, written: Mark) -> bytes:
        return _TAIL.format(written.size, bytes_code(self._key, self._proof, written)).encode()


def remove_checkpoint(folder: Folder, part: str) -> None:
    """Remove the checkpoint of a part, if there is one. Blocking. Raises OSError."""
    for name in names.checkpoint_names(part):
        folder.remove(name)


def bytes_code(key: bytes, proof: str, mark: Mark) -> str:
    """The code of the first bytes of a part; ``proof`` is that of their version."""
    return hmac.digest(key, f"{proof} {mark.size} {mark.sha256}".encode(), "sha256").hex()


def _code(key: bytes, validator: Validator, enclosure: str, since: float) -> str:
    said = json.dumps([validator.model_dump(), enclosure, since])
    return hmac.digest(key, said.encode(), "sha256").hex()


def _read(file: BinaryIO, read: Tally, size: int) -> None:
    """Read on until there are so many bytes, or no more."""
    while read.size < size and (block := file.read(min(_BLOCK, size - read.size))):
        read.add(block)


@cache
def _boot_id() -> str:
    """Names the time since this machine was started; empty where the system has no such name."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""
