"""podcrawler's own settings, read from Scrapy's and validated, so that a wrong value becomes one sentence."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from scrapy.settings import BaseSettings

from podcrawler.exceptions import SettingError
from podcrawler.networks import Allowed

_PREFIX = "PODCRAWLER_"

Count = Annotated[int, Field(ge=1, le=10_000)]
Seconds = Annotated[float, Field(gt=0, le=10_000_000)]
#: Up to 1 PB.
Bytes = Annotated[int, Field(ge=0, le=10**15)]
_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?(?:/s)?", re.IGNORECASE)


def _amount(value: object) -> object:
    """The number of bytes that a text such as ``500k`` or ``2M`` stands for."""
    if not isinstance(value, str):
        return value
    if (found := _AMOUNT.fullmatch(value.strip())) is None:
        raise ValueError('it is no number of bytes such as 500000, "500k" or "2M"')
    return round(float(found[1]) * _UNITS[found[2].lower()])


#: Bytes per second; 0 for no limit.
Rate = Annotated[int, Field(ge=0, le=10**12), BeforeValidator(_amount)]


def _from_json(value: object) -> object:
    """The value of a setting that is a dictionary, or JSON of one."""
    try:
        return json.loads(value or "{}") if isinstance(value, str) else value
    except ValueError:
        raise ValueError('it is neither a dictionary nor JSON such as {"example.com": "text"}') from None


#: The value of a header field: printable ASCII (RFC 9110 §5.5).
Agent = Annotated[str, Field(pattern=r"^[!-~]([ -~]*[!-~])?$")]


class _Section(BaseModel):
    """Some of the ``PODCRAWLER_*`` settings: fields have the names without the prefix, in lower case."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def read(cls, settings: BaseSettings) -> Self:
        """The values of the settings. Raises SettingError, which names the first that is wrong."""
        try:
            return cls.model_validate({name: settings[_PREFIX + name.upper()] for name in cls.model_fields})
        except ValidationError as error:
            first = error.errors()[0]
            name = _PREFIX + str(first["loc"][0]).upper()
            raise SettingError(f"{name} cannot be {first['input']!r}: {first['msg']}; see docs/settings.md.") from None


class Config(_Section):
    """The settings of the queue and of a node; docs/settings.md describes each."""

    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")]
    node_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,60}$")]
    concurrent_episodes: Count
    concurrent_pages: Count
    lease_time: Annotated[float, Field(ge=1, le=86_400)]
    heartbeat: Annotated[float, Field(gt=0, le=86_400)]
    shutdown_grace: Annotated[float, Field(ge=0, le=86_400)]
    max_tries: Count
    max_expiries: Count
    retry_delay: Annotated[float, Field(ge=0, le=86_400)]
    max_retry_delay: Seconds
    max_pages: Count
    host_connections: Count
    visit_seconds: Annotated[int, Field(ge=1, le=10_000_000)]
    exit_when_done: bool
    supervisor_pid: Annotated[int, Field(ge=0)]


def _words(value: object) -> object:
    """The words of a setting that is a list, or text with commas between them; in lower case, without leading dots."""
    words = value.split(",") if isinstance(value, str) else value
    return [str(word).strip().lower().removeprefix(".") for word in words] if isinstance(words, Iterable) else words


def _allowed(value: object) -> object:
    if isinstance(value, Allowed) or not isinstance(value, Iterable):
        return value
    return Allowed.parse(value.replace(",", " ").split() if isinstance(value, str) else map(str, value))


class TransferConfig(_Section):
    """The settings of HTTP requests and media files; docs/settings.md describes each."""

    user_agents: Annotated[dict[str, Agent], BeforeValidator(_from_json)]
    hosts: str
    host_rate: Rate
    max_entries: Annotated[int, Field(ge=1, le=10_000_000)]
    parse_time: Seconds
    enclosures: Literal["first", "all"]
    media: Annotated[frozenset[Annotated[str, Field(pattern=r"^[a-z0-9]{1,10}$")]], BeforeValidator(_words)]
    allow_hosts: Annotated[Allowed, BeforeValidator(_allowed)]
    insecure_hosts: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:, -]*$")]
    connect_timeout: Seconds
    idle_timeout: Seconds
    min_rate: Bytes
    min_size: Annotated[int, Field(ge=1, le=10**15)]
    max_size: Bytes
    min_free: Bytes
