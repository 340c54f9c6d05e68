"""How single hosts are asked: the values of a TOML file (``PODCRAWLER_HOSTS``), and the defaults for all others.

The file has a table for each host, which is for its subdomains, too:

    ["media.example.com"]
    connections = 2             # at once, of all nodes together
    delay = 1.5                 # seconds between the beginnings of two transfers, of all nodes together
    rate = "2M"                 # bytes per second, of each node
    user_agent = "Player/1.0"
    proxy = "socks5h://localhost:1080"
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scrapy.settings import BaseSettings

from podcrawler.config import Agent, Rate, Seconds, TransferConfig
from podcrawler.exceptions import SettingError


class Host(BaseModel):
    """What is set for one host; None where nothing is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connections: Annotated[int, Field(ge=1, le=10_000)] | None = None
    delay: Seconds | None = None
    rate: Rate | None = None
    user_agent: Agent | None = None
    proxy: str | None = None


@dataclass(frozen=True, slots=True)
class Hosts:
    """What is set for single hosts, by their names in lower case."""

    by_name: Mapping[str, Host]

    @classmethod
    def read(cls, settings: BaseSettings) -> "Hosts":
        """What the file says that ``PODCRAWLER_HOSTS`` names; nothing if that is empty. Raises SettingError."""
        path = TransferConfig.read(settings).hosts
        return cls(_read(Path(path)) if path else {})

    def of(self, host: str) -> Host:
        """What is set for a host: in its own table, else in that of the nearest domain above it."""
        name = host.lower().rstrip(".")
        while name:
            if found := self.by_name.get(name):
                return found
            name = name.partition(".")[2]
        return Host()


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
