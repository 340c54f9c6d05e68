"""The state of a node: whether it starts new work, and whether it is about to end.

The scheduler drains and stops a node; the media pipeline pauses and resumes it. Everything else only reads the state.
"""

from collections.abc import Callable
from enum import Enum, auto

from scrapy.signalmanager import SignalManager

from podcrawler.signals import node_draining, node_stopping


class NodeState(Enum):
    """Draining and stopping are final: a node leaves them only for a later state."""

    #: Leases entries and works on them.
    RUNNING = auto()
    #: Leases nothing for now, and releases what it has prefetched.
    PAUSED = auto()
    #: Leases nothing any more; what was begun may finish within the grace period.
    DRAINING = auto()
    #: Cancels what was begun, and calls Redis once instead of until it answers.
    STOPPING = auto()


class Node:
    """Holds the state of this process, and announces changes: to observers, then as Scrapy signals. Not thread-safe:
    for the event loop only."""

    def __init__(self, signals: SignalManager) -> None:
        self.state = NodeState.RUNNING
        #: Why the node was paused, for users; empty after it resumes. A node that drains keeps the reason.
        self.pause_reason = ""
        self._signals = signals
        self._observers: list[Callable[[], None]] = []

    @property
    def is_paused(self) -> bool:
        return self.state is NodeState.PAUSED

    @property
    def is_draining(self) -> bool:
        """Whether the node starts nothing new: it drains or stops."""
        return self.state in (NodeState.DRAINING, NodeState.STOPPING)

    @property
    def is_stopping(self) -> bool:
        return self.state is NodeState.STOPPING

    def observe(self, observer: Callable[[], None]) -> None:
        """Call ``observer`` after each change of the state."""
        self._observers.append(observer)

    def pause(self, reason: str) -> None:
        """Start no work until ``resume``. A node that drains already keeps on draining."""
        self.pause_reason = reason
        if self.state is NodeState.RUNNING:
            self._change(NodeState.PAUSED)

    def resume(self) -> None:
        self.pause_reason = ""
        if self.state is NodeState.PAUSED:
            self._change(NodeState.RUNNING)

    def drain(self) -> None:
        """Start no work any more."""
        if not self.is_draining:
            self._change(NodeState.DRAINING)
            self._signals.send_catch_log(signal=node_draining)

    def stop(self) -> None:
        """Cancel what is under way. Drains first, so that both signals are always sent."""
        self.drain()
        if not self.is_stopping:
            self._change(NodeState.STOPPING)
            self._signals.send_catch_log(signal=node_stopping)

    def _change(self, state: NodeState) -> None:
        self.state = state
        for observer in self._observers:
            observer()
