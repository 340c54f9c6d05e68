"""The body of an answer that is returned whole, in memory, as far as it was read."""

import asyncio
from dataclasses import dataclass, field
from io import BytesIO

from podcrawler.http.page_memory import Room
from podcrawler.store import sniff


@dataclass(slots=True)
class Page:
    """One such body. To be closed."""

    #: The time limit, which does not count the time of waiting for room.
    limit: asyncio.Timeout
    #: None if it is not counted.
    room: Room | None = None
    #: Unlike a bytearray, it gives away what is in it without a copy.
    body: BytesIO = field(default_factory=BytesIO)
    flags: list[str] = field(default_factory=list)

    async def add(self, chunk: bytes) -> None:
        """Add what has come, once there is room for it."""
        size = self.size + len(chunk)
        if self.room and not self.room.has(size):
            clock = asyncio.get_running_loop().time
            left = None if (end := self.limit.when()) is None else end - clock()
            self.limit.reschedule(None)
            await self.room.grow(size)
            self.limit.reschedule(None if left is None else clock() + left)
        self.body.write(chunk)

    def close(self) -> None:
        """Free what it takes at once: an error may keep the frames that it went through, and the page with them."""
        self.body.close()
        self.room = None

    @property
    def size(self) -> int:
        return self.body.tell()

    def head(self) -> bytes:
        """As much of its beginning as shows whether it is a media file."""
        with self.body.getbuffer() as content:
            return bytes(content[: sniff.MAX_HEAD])
