"""What lies beside a part: a small JSON file that tells which version of the media file the bytes are of, and how many
of them are on the disk for sure, so that another transfer can go on with it (leftovers.py)."""

# No Path for each file: see disk.file_in.
# ruff: noqa: PTH104, PTH108, PTH123

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from podcrawler.store import names
from podcrawler.store.fs_errors import file_in
from podcrawler.store.validators import Validator


class Checkpoint(BaseModel):
    """What is known of the bytes in a part. All methods block."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Validator
    #: ``version.resource`` of the enclosure's address.
    enclosure: str
    #: Bytes that outlast a power cut.
    synced: int
    #: The boot of the machine that wrote the part: as long as that lasts, every byte in the file counts.
    boot: str

    @classmethod
    def now(cls, version: Validator, enclosure: str, synced: int) -> Self:
        """Of a part that this machine writes."""
        return cls(version=version, enclosure=enclosure, synced=synced, boot=_boot())

    @classmethod
    def of(cls, part: str | Path) -> Self | None:
        """The memo of a part; None if there is none that can be read."""
        try:
            with open(_paths(part)[1], "rb") as file:
                return cls.model_validate_json(file.read())
        except (OSError, ValidationError):
            return None

    def write(self, part: str | Path) -> None:
        """Put it beside the part, in place of an older one, in one step. Raises OSError."""
        unfinished, path = _paths(part)
        try:
            with open(unfinished, "w", encoding="utf-8") as file:
                file.write(self.model_dump_json())
            os.rename(unfinished, path)
        except OSError:
            with suppress(OSError):
                os.unlink(unfinished)
            raise

    def trusted(self, size: int) -> int:
        """How many of the ``size`` bytes in the part a transfer may go on from. It is always less than the whole: the
        answer to a request for at least one byte proves the version."""
        trusted = size if self.boot and self.boot == _boot() else min(size, self.synced)
        return trusted if self.version.size is None else min(trusted, self.version.size - 1)


def remove_checkpoint(part: str | Path) -> None:
    """Remove what lies beside a part. Blocking. Raises OSError."""
    for path in _paths(part):
        with suppress(FileNotFoundError):
            os.unlink(path)


def _paths(part: str | Path) -> tuple[str, str]:
    """Where the memo of a part is written, and where it is."""
    folder, name = os.path.split(part)
    unfinished, memo = names.checkpoint_names(name)
    return file_in(folder, unfinished), file_in(folder, memo)


@cache
def _boot() -> str:
    """The name of the time since this machine was started; empty where nothing tells."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""
