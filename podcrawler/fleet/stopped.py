"""What a run leaves that ends before its job is done: everything, for the next run."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.filesize import decimal

from podcrawler.fleet.waiting import delayed
from podcrawler.queue.states import Delay


@dataclass(frozen=True, slots=True)
class Stopped:
    """What has become of a job."""

    #: Episodes that were downloaded, and their bytes.
    finished: int = 0
    bytes: int = 0
    #: Episodes that were in progress, and the bytes of them that the next run goes on from.
    handed_back: int = 0
    kept: int = 0
    #: Other episodes and pages that are open, but for those that are delayed.
    not_begun: int = 0
    not_read: int = 0
    delays: Sequence[Delay] = ()

    @property
    def waiting(self) -> str:
        """What is left, as a part of a sentence; empty if all is done."""
        parts = []
        if self.handed_back:
            parts.append(f"{self.handed_back} handed back ({decimal(self.kept)} of {_them(self.handed_back)} kept)")
        if self.not_begun:
            parts.append(f"{self.not_begun} not begun")
        parts += map(delayed, self.delays)
        if self.not_read:
            parts.append(f"{self.not_read} {'feed or page' if self.not_read == 1 else 'feeds or pages'} not read")
        return ", ".join(parts)

    @property
    def whole(self) -> str:
        """The same, and what was finished before."""
        return f"{self.finished} finished ({decimal(self.bytes)}), {self.waiting or 'nothing is left'}"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"
