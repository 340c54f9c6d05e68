"""What lies beside a part: a small JSON file that tells which version of the media file the bytes are of, and how many
of them are on the disk for sure, so that another transfer can go on with it (leftovers.py)."""

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from podcrawler.media import naming
from podcrawler.media.version import Version


class Memo(BaseModel):
    """What is known of the bytes in a part. All methods block."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Version
    #: ``version.resource`` of the enclosure's address.
    enclosure: str
    #: Bytes that outlast a power cut.
    synced: int
    #: The boot of the machine that wrote the part: as long as that lasts, every byte in the file counts.
    boot: str

    @classmethod
    def now(cls, version: Version, enclosure: str, synced: int) -> Self:
        """Of a part that this machine writes."""
        return cls(version=version, enclosure=enclosure, synced=synced, boot=_boot())

    @classmethod
    def of(cls, part: Path) -> Self | None:
        """The memo of a part; None if there is none that can be read."""
        try:
            return cls.model_validate_json(_paths(part)[1].read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, part: Path) -> None:
        """Put it beside the part, in place of an older one, in one step. Raises OSError."""
        unfinished, path = _paths(part)
        try:
            unfinished.write_text(self.model_dump_json())
            unfinished.rename(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise

    def trusted(self, size: int) -> int:
        """How many of the ``size`` bytes in the part a transfer may go on from. It is always less than the whole: the
        answer to a request for at least one byte proves the version."""
        trusted = size if self.boot and self.boot == _boot() else min(size, self.synced)
        return trusted if self.version.size is None else min(trusted, self.version.size - 1)


def remove_memo(part: Path) -> None:
    """Remove what lies beside a part. Blocking. Raises OSError."""
    for path in _paths(part):
        path.unlink(missing_ok=True)


def _paths(part: Path) -> tuple[Path, Path]:
    """Where the memo of a part is written, and where it is."""
    unfinished, memo = naming.memo_names(part.name)
    return part.with_name(unfinished), part.with_name(memo)


@cache
def _boot() -> str:
    """The name of the time since this machine was started; empty where nothing tells."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""
