"""Checkpoints: a small JSON file beside a part, which says which version of the media file its bytes are of and how
many of them are on the disk, so that another transfer can resume it (resume.py)."""

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from podcrawler.store import names
from podcrawler.store.validators import Validator


class Checkpoint(BaseModel):
    """What is known of the bytes in a part. All methods block."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    validator: Validator = Field(validation_alias="version", serialization_alias="version")
    #: ``validators.resource`` of the enclosure's address.
    enclosure: str
    #: When the version was seen first, in seconds since 1970.
    since: float = 0.0
    #: Bytes that survive a power cut.
    synced: int
    #: The boot id of the machine that wrote the part: until its next boot, every byte in the file counts.
    boot: str

    @classmethod
    def now(cls, validator: Validator, enclosure: str, synced: int, since: float = 0.0) -> Self:
        """The checkpoint of a part that this machine writes."""
        return cls(validator=validator, enclosure=enclosure, since=since, synced=synced, boot=_boot_id())

    @classmethod
    def read(cls, part: Path) -> Self | None:
        """The checkpoint of a part; None if there is none that can be read."""
        _, path = _paths(part)
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, part: Path) -> None:
        """Put it beside the part, in place of an older one, in one step. Raises OSError."""
        unfinished, path = _paths(part)
        try:
            unfinished.write_text(self.model_dump_json(), encoding="utf-8")
            unfinished.rename(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink()
            raise

    def usable(self, size: int) -> int:
        """How many of the ``size`` bytes in the part a transfer may resume from. Always fewer than the whole: only the
        answer to a request for at least one byte proves the version."""
        usable = size if self.boot and self.boot == _boot_id() else min(size, self.synced)
        return usable if self.validator.size is None else min(usable, self.validator.size - 1)


def remove_checkpoint(part: Path) -> None:
    """Remove the checkpoint of a part, if there is one. Blocking. Raises OSError."""
    for path in _paths(part):
        path.unlink(missing_ok=True)


def _paths(part: Path) -> tuple[Path, Path]:
    """Where a checkpoint is while it is written, and where it is then."""
    unfinished, checkpoint = names.checkpoint_names(part.name)
    return part.with_name(unfinished), part.with_name(checkpoint)


@cache
def _boot_id() -> str:
    """Names the time since this machine was started; empty where the system has no such name."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""
