"""Who does what is written down in an archive: the program, with its version, and the node."""

import socket
from typing import NamedTuple

from typing_extensions import override

from podcrawler import __version__
from podcrawler.namespace import AnySettings


class Agent(NamedTuple):
    """A program on a machine."""

    program: str
    #: The first part of the name under which a node reports: ``PODCRAWLER_NODE_NAME``, else the host's.
    node: str

    @classmethod
    def read(cls, settings: AnySettings) -> "Agent":
        """This program, on this machine."""
        return cls(f"podcrawler {__version__}", settings.get("PODCRAWLER_NODE_NAME") or socket.gethostname())

    @override
    def __str__(self) -> str:
        return f"{self.program} on {self.node}"
