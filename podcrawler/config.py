"""podcrawler's own settings, read from Scrapy's and validated, so that a wrong value becomes one sentence."""

import base64
import json
import re
import shlex
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from podcrawler.exceptions import SettingError
from podcrawler.namespace import NAMESPACE, AnySettings
from podcrawler.networks import Allowed

_PREFIX = "PODCRAWLER_"

#: Of what is counted, such as episodes at once.
MOST = 10_000
Count = Annotated[int, Field(ge=1, le=MOST)]
Seconds = Annotated[float, Field(gt=0, le=10_000_000)]
#: Up to 1 PB.
Bytes = Annotated[int, Field(ge=0, le=10**15)]
_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?(?:/s)?", re.IGNORECASE)


def amount(text: str) -> int:
    """The number of bytes that a text such as ``500k`` or ``2M`` stands for. Raises ValueError."""
    if (found := _AMOUNT.fullmatch(text.strip())) is None:
        raise ValueError('it is no number of bytes such as 500000, "500k" or "2M"')
    return round(float(found[1]) * _UNITS[found[2].lower()])


def _amount(value: object) -> object:
    return amount(value) if isinstance(value, str) else value


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
    def read(cls, settings: AnySettings) -> Self:
        """The values of the settings. Raises SettingError, which names the first that is wrong."""
        try:
            return cls.model_validate({name: settings.get(_PREFIX + name.upper()) for name in cls.model_fields})
        except ValidationError as error:
            first = error.errors()[0]
            name = _PREFIX + str(first["loc"][0]).upper()
            raise SettingError(f"{name} cannot be {first['input']!r}: {first['msg']}; see docs/settings.md.") from None


class Config(_Section):
    """The settings of the queue and of a node; docs/settings.md describes each."""

    namespace: Annotated[str, Field(pattern=NAMESPACE)]
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


def _address(value: str) -> str:
    if value and not _WEB.fullmatch(value):
        raise ValueError('it is no address such as "https://example.com/news"')
    return value


_WEB = re.compile(r"https?://\S+")
#: Empty for none.
Address = Annotated[str, AfterValidator(_address)]


class CheckConfig(_Section):
    """The settings of subscriptions; docs/settings.md describes each."""

    check_min: Annotated[float, Field(ge=1, le=10_000_000)]
    check_max: Annotated[float, Field(ge=1, le=100_000_000)]
    #: Checks of one host in a second.
    check_rate: Annotated[float, Field(ge=0.001, le=10_000)]
    changes: Address
    changes_interval: Annotated[float, Field(ge=1, le=86_400)]


def _secret(value: str) -> str:
    """One of Standard Webhooks (``whsec_`` and base64), or any text."""
    if value.startswith("whsec_"):
        try:
            base64.b64decode(value.removeprefix("whsec_"), validate=True)
        except ValueError:
            raise ValueError("what follows whsec_ is not base64") from None
    return value


def _words_of_command(value: object) -> object:
    """The words of a command, which no shell ever sees."""
    try:
        return shlex.split(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"it is no command ({error})") from None


CommandLine = Annotated[tuple[str, ...], BeforeValidator(_words_of_command)]


class HookConfig(_Section):
    """The settings of hooks; docs/settings.md describes each."""

    on_finished: CommandLine
    on_failed: CommandLine
    on_podcast_dead: CommandLine
    hook_time: Annotated[float, Field(gt=0, le=86_400)]
    webhook: Address
    webhook_secret: Annotated[str, AfterValidator(_secret)]

    @property
    def commands(self) -> dict[str, tuple[str, ...]]:
        """By event; empty where there is none."""
        return {"finished": self.on_finished, "failed": self.on_failed, "podcast-dead": self.on_podcast_dead}


class VersionConfig(_Section):
    """What becomes of an episode whose file the publisher replaces; see docs/settings.md."""

    versions: Literal["keep", "ignore"]


class SidecarConfig(_Section):
    """Whether media files are described beside them; see docs/sidecars.md."""

    sidecars: bool
    visits_size: Annotated[int, Field(ge=0)]


def _words(value: object) -> object:
    """The words of a setting that is a list, or text with commas between them; in lower case, without leading dots."""
    words = value.split(",") if isinstance(value, str) else value
    return [str(word).strip().lower().removeprefix(".") for word in words] if isinstance(words, Iterable) else words


def _words_or_none(value: object) -> object:
    """As ``_words``, of what may be empty."""
    return [word for word in words if word] if isinstance(words := _words(value), list) else words


class BesideConfig(_Section):
    """What is fetched beside media files; see docs/sidecars.md."""

    beside: Annotated[frozenset[Literal["cover", "transcripts", "chapters"]], BeforeValidator(_words_or_none)]

    @classmethod
    def fetched(cls, settings: AnySettings) -> frozenset[str]:
        """What a node fetches. Raises SettingError, too, if that has no sidecar to be told in."""
        kinds = cls.read(settings).beside
        if kinds and not SidecarConfig.read(settings).sidecars:
            raise SettingError(
                "PODCRAWLER_BESIDE needs sidecars, which tell of the files beside an episode: set PODCRAWLER_SIDECARS "
                "to True, or PODCRAWLER_BESIDE to nothing."
            )
        return kinds


def _allowed(value: object) -> object:
    if isinstance(value, Allowed) or not isinstance(value, Iterable):
        return value
    return Allowed.parse(value.replace(",", " ").split() if isinstance(value, str) else map(str, value))


#: Of mail or the web, without what would end the comment that it stands in (RFC 9110 §5.6.5), and without a login.
_CONTACT = re.compile(r"https?://[!-~]+|[!-~]+@[!-~]+\.[!-~]+")
_NO_CONTACT = re.compile(r"[()\\<>]|//.*@")


def _contact(value: object) -> object:
    if value and not (isinstance(value, str) and _CONTACT.fullmatch(value) and not _NO_CONTACT.search(value)):
        raise ValueError('it is no address such as "https://example.com/crawler" or "me@example.com"')
    return value


class TransferConfig(_Section):
    """The settings of HTTP requests and media files; docs/settings.md describes each."""

    contact: Annotated[str, BeforeValidator(_contact)]
    robots: bool
    user_agents: Annotated[dict[str, Agent], BeforeValidator(_from_json)]
    hosts: str
    rate: Rate
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
    #: When media files say that they were changed.
    mtime: Literal["now", "published"]


_SECTIONS: tuple[type[_Section], ...] = (
    Config,
    CheckConfig,
    HookConfig,
    VersionConfig,
    SidecarConfig,
    BesideConfig,
    TransferConfig,
)


def check_values(settings: AnySettings) -> None:
    """Check the values of all of these settings. Raises SettingError."""
    for section in _SECTIONS:
        section.read(settings)
    BesideConfig.fetched(settings)
