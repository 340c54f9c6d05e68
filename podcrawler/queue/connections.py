"""What a node knows of the connections of its leases that Redis does not know yet."""

import asyncio


class Connections:
    """What the next request for leases tells Redis, and whether to send it at once. For the event loop only."""

    def __init__(self) -> None:
        #: The tokens of leases that need no connection any more; with the host that the file came from, if one came.
        self._done: dict[str, str] = {}
        #: Whether entries waited for a connection of their host at the last request.
        self._is_limited = False
        #: Whether a transfer or a lease has ended since that request was sent.
        self._has_freed = False
        #: Hosts that asked this node for a pause.
        self.pausing: set[str] = set()

    @property
    def may_have_room(self) -> bool:
        """Whether there may be leases now that the last request could not bring."""
        return self._is_limited and self._has_freed

    def note_done(self, token: str, host: str = "") -> None:
        """A lease needs no connection any more: its file has come from this host, or will not come."""
        self._done.setdefault(token, host)
        self._has_freed = True

    def note_ended(self, token: str) -> None:
        """A lease has ended, as Redis knows."""
        self._done.pop(token, None)
        self._has_freed = True

    def begin_request(self) -> dict[str, str]:
        """What to tell Redis in a request for leases, which is sent now."""
        self._has_freed = False
        return dict(self._done)

    def end_request(self, told: dict[str, str], *, is_limited: bool) -> None:
        """Redis was told that, and has answered whether there are entries that wait for a connection."""
        for token in told:
            self._done.pop(token, None)
        self._is_limited = is_limited

    def note_pause(self, host: str, request: asyncio.Future[int] | None) -> None:
        """Redis knows that the host rests. A request that was sent before may still bring leases of it."""
        if request and not request.done():
            request.add_done_callback(lambda _: self.pausing.discard(host))
        else:
            self.pausing.discard(host)
