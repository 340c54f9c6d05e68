"""How single hosts are asked: the values of a TOML file (``PODCRAWLER_HOSTS``), and the defaults for all others.

The file has a table for each host, which is for its subdomains, too:

    ["media.example.com"]
    connections = 2             # at once, of all nodes together
    delay = 1.5                 # seconds between the beginnings of two transfers, of all nodes together
    rate = "2M"                 # bytes per second, of each node
    user_agent = "Player/1.0"
    proxy = "socks5h://localhost:1080"      # "none" for no proxy
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from podcrawler.config import Agent, Rate, Seconds, TransferConfig
from podcrawler.exceptions import SettingError
from podcrawler.namespace import AnySettings
from podcrawler.proxies import ProxyAddress, parse_proxies

_T = TypeVar("_T")


def _proxies(value: object) -> object:
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if not isinstance(value, str):
        return value
    return () if value.strip().lower() == "none" else parse_proxies(value)


class Host(BaseModel):
    """What is set for one host; None where nothing is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connections: Annotated[int, Field(ge=1, le=10_000)] | None = None
    delay: Seconds | None = None
    rate: Rate | None = None
    user_agent: Agent | None = None
    #: As ``PODCRAWLER_PROXY``; empty for none at all.
    proxy: Annotated[tuple[ProxyAddress, ...], BeforeValidator(_proxies)] | None = None


_UNSET = Host()


@dataclass(frozen=True, slots=True)
class Hosts:
    """What is set for single hosts, by their names in lower case."""

    by_name: Mapping[str, Host]

    @classmethod
    def read(cls, settings: AnySettings) -> "Hosts":
        """What the file says that ``PODCRAWLER_HOSTS`` names; nothing if that is empty. Raises SettingError."""
        path = TransferConfig.read(settings).hosts
        return cls(_read(Path(path)) if path else {})

    def of(self, host: str) -> Host:
        """What is set for a host: in its own table, else in that of the nearest domain above it."""
        return nearest(self.by_name, host) or _UNSET


def nearest(by_name: Mapping[str, _T], host: str) -> _T | None:
    """The value of a host, else that of the nearest domain above it. Names are in lower case."""
    name = host.lower().rstrip(".")
    while name:
        if name in by_name:
            return by_name[name]
        name = name.partition(".")[2]
    return None


def _read(path: Path) -> dict[str, Host]:
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name.lower(): Host.model_validate(table) for name, table in tables.items()}
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = f"is no TOML ({error})"
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        problem = f"has a wrong value ({place}: {first['msg']})" if place else "has a value that is in no host's table"
    raise SettingError(f"The file {path} (PODCRAWLER_HOSTS) {problem}; see docs/settings.md.")
