"""What each host is allowed by the operator, as the scripts read it (lua/hosts.lua)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from podcrawler.config import Config
from podcrawler.hosts import Host, Hosts
from podcrawler.namespace import AnySettings


@dataclass(frozen=True)
class HostLimits:
    """How many connections a host gets from all nodes together, and how long it rests after each beginning."""

    connections: int = 8
    #: By name; a table is for subdomains, too.
    single_hosts: Mapping[str, Host] = field(default_factory=dict)

    @classmethod
    def read(cls, settings: AnySettings) -> "HostLimits":
        """The values of ``PODCRAWLER_HOST_CONNECTIONS`` and ``PODCRAWLER_HOSTS``. Raises SettingError."""
        return cls(Config.read(settings).host_connections, Hosts.read(settings).by_name)

    @cached_property
    def arguments(self) -> tuple[int, str]:
        """The arguments of the scripts: connections, and JSON of ``{host: [connections, delay in ms]}``."""
        hosts = {
            name: [host.connections or 0, round((host.delay or 0) * 1000)] for name, host in self.single_hosts.items()
        }
        return self.connections, json.dumps(hosts)
