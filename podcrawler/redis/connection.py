"""How this process connects to Redis: to the one that the settings name, else an embedded one, else the local default.

scrapy-redis makes the connections, so that all of its settings are honoured. Each is tested at once, so that a wrong
setting becomes one sentence before any work begins. No message shows a password.
"""

import atexit
import logging
import re
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry
from scrapy.settings import BaseSettings
from scrapy_redis.connection import SETTINGS_PARAMS_MAP, get_redis_from_settings

from podcrawler.exceptions import RedisError
from podcrawler.redis.embedded import EmbeddedServer

logger = logging.getLogger(__name__)

DEFAULT_ADDRESS = ("localhost", 6379)
OLDEST_VERSION = (6, 2)

#: Other defaults than those of scrapy-redis and redis-py. Timeouts (seconds) are short, because a call to a frozen
#: Redis is repeated. RESP3, CLIENT SETINFO and redis-py's health check would add six round trips to each connection.
_DEFAULTS = {"socket_timeout": 2.0, "socket_connect_timeout": 2.0, "protocol": 2, "driver_info": None}
#: Spans a quick restart of Redis. redis-py's own default is no retry with a URL, and ten with a host and port.
RETRY = Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.05), retries=3)
#: How error answers begin that Redis gives for a while only (full, read-only, busy, failing over).
_PASSING = (
    "OOM",
    "command not allowed when used memory",
    "MISCONF",
    "READONLY",
    "You can't write against a read only",
    "BUSY",
    "LOADING",
    "MASTERDOWN",
    "NOREPLICAS",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "UNBLOCKED",
)


def is_passing(error: redis.RedisError) -> bool:
    """Whether the call that failed may be repeated: Redis is away, or does not do for now what it is asked."""
    return not isinstance(error, redis.ResponseError) or str(error).startswith(_PASSING)


def redis_configured(settings: BaseSettings) -> bool:
    """Whether the settings name a Redis, by ``REDIS_URL``, ``REDIS_HOST``, ``REDIS_PORT`` or ``REDIS_PARAMS``."""
    params = _params(settings)
    return any(settings.get(name) for name in ("REDIS_URL", "REDIS_HOST", "REDIS_PORT")) or any(
        params.get(name) for name in ("url", "host", "port", "unix_socket_path")
    )


def url_for_node(settings: BaseSettings, state_dir: Path) -> str | None:
    """The URL of the Redis that a node works with, for `connect`; None if the settings name one themselves.

    This is the embedded server of ``state_dir`` if it runs, and this process is then one of its users until it exits;
    else ``redis://localhost:6379``. Never starts a server. Raises RedisError, which says how to get a Redis, if there
    is none.
    """
    if redis_configured(settings):
        return None
    server = EmbeddedServer(state_dir)
    if url := server.attach_if_running():
        atexit.register(_leave, server)
        return url
    host, port = DEFAULT_ADDRESS
    try:
        socket.create_connection(DEFAULT_ADDRESS, timeout=5).close()
    except OSError:
        raise RedisError(
            f"There is no Redis to work with, neither an embedded one in {state_dir} nor one at {host}:{port}: "
            "run `scrapy archive ADDRESS`, which starts one, or set REDIS_URL=redis://HOST:6379."
        ) from None
    return f"redis://{host}:{port}"


def state_dir(settings: BaseSettings) -> Path:
    """Where this machine keeps its state: ``PODCRAWLER_STATE_DIR``, else beside the files of a store in a folder, else
    in the working folder."""
    if given := settings.get("PODCRAWLER_STATE_DIR"):
        return Path(given).absolute()
    scheme, _, path = settings.get("FILES_STORE", "").rpartition("://")
    return (Path(path) if scheme in ("", "file") else Path()).absolute() / ".podcrawler"


def connect_node(settings: BaseSettings) -> redis.Redis:
    """Connect as a node does; see `url_for_node` and `connect`."""
    return connect(settings, url_for_node(settings, state_dir(settings)))


def client_for_node(settings: BaseSettings) -> redis.Redis:
    """As `connect_node`, but without a test of the connection, and the client does not retry: its caller does."""
    return _make_client(settings, url_for_node(settings, state_dir(settings)), {**_DEFAULTS, **_params(settings)})


@contextmanager
def connected(settings: BaseSettings, *, start: bool = False) -> Iterator[redis.Redis]:
    """The Redis of this machine for one command: as `connect_node`, but an embedded server is started for the time of
    the block if its state folder has data; with ``start``, even if it has none."""
    server = EmbeddedServer(state_dir(settings))
    if redis_configured(settings) or not (start or server.has_data):
        with connect_node(settings) as client:
            yield client
        return
    try:
        with connect(settings, server.enter()) as client:
            yield client
    finally:
        server.leave()


def connect(settings: BaseSettings, url: str | None = None) -> redis.Redis:
    """Connect to the Redis of scrapy-redis's settings, or to ``url`` with their other parameters.

    The client answers in bytes, whatever ``REDIS_DECODE_RESPONSES`` says. Raises RedisError if the settings are
    invalid, or the server cannot be reached, refuses the connection, is too old or is not a Redis.
    """
    params = {"retry": RETRY, **_DEFAULTS, **_params(settings)}
    try:
        client = _make_client(settings, url, params)
    except Exception as error:
        raise RedisError(_settings_sentence(error)) from None
    kwargs = client.connection_pool.connection_kwargs
    address = kwargs.get("path") or f"{kwargs.get('host', 'localhost')}:{kwargs.get('port', 6379)}"
    try:
        info = client.info()
    except redis.RedisError as error:
        cause = str(error).rstrip(".")
        if password := kwargs.get("password"):
            cause = cause.replace(str(password), "***")
        raise RedisError(f"Redis at {address} {_problem_and_remedy(error, cause)}.") from None
    except Exception as error:
        raise RedisError(_settings_sentence(error)) from None
    _check_server(address, info)
    client.set_retry(params["retry"])
    return client


def _params(settings: BaseSettings) -> dict[str, Any]:
    try:
        return settings.getdict("REDIS_PARAMS")
    except (TypeError, ValueError):
        raise RedisError('REDIS_PARAMS has a wrong form: write a dictionary, or JSON such as {"db": 1}.') from None


def _make_client(settings: BaseSettings, url: str | None, params: dict[str, Any]) -> redis.Redis:
    """A client that does not retry yet, so that a wrong address fails at once."""
    values = {name: settings.get(name) for name in SETTINGS_PARAMS_MAP}
    if url:
        values["REDIS_URL"] = url
    values["REDIS_PARAMS"] = {**params, "retry": Retry(NoBackoff(), 0)}
    with warnings.catch_warnings():
        # From scrapy-redis, which gives redis-py an argument (retry_on_timeout) that became the default.
        warnings.simplefilter("ignore", DeprecationWarning)
        client: redis.Redis = get_redis_from_settings(BaseSettings(values))
    # Set last: a setting, REDIS_PARAMS and the URL's query may each have another value.
    client.connection_pool.connection_kwargs["decode_responses"] = False
    return client


def _settings_sentence(error: Exception) -> str:
    if isinstance(error, ValueError):
        # The error is not shown: its text may contain a piece of the password.
        return (
            "REDIS_URL or another REDIS_ setting has a wrong form: write redis://:PASSWORD@HOST:PORT/0, rediss://… or "
            "unix:///PATH, with the special characters of the password percent-encoded."
        )
    return f"The settings of Redis cannot be used ({error}): correct REDIS_PARAMS or the other REDIS_ settings."


def _problem_and_remedy(error: redis.RedisError, cause: str) -> str:
    match error:
        case redis.AuthenticationError():
            return f"refuses the password or the lack of one ({cause}): set REDIS_URL=redis://:PASSWORD@HOST:PORT/0"
        case redis.BusyLoadingError():
            return "is still loading its data: wait until it has, and try again"
        case redis.TimeoutError():
            return f"does not answer in time ({cause}): check the address in REDIS_URL, the network and the firewall"
        case redis.InvalidResponse():
            return f"is no Redis server ({cause}): correct the address in REDIS_URL"
        case redis.ConnectionError():
            return f"cannot be reached ({cause}): start it, or correct the address in REDIS_URL"
        case _:
            return f"refuses to work ({cause}): correct REDIS_URL or the other REDIS_ settings, or that server"


def _check_server(address: str, info: dict[str, object]) -> None:
    version = str(info.get("redis_version", ""))
    if (match := re.match(r"(\d+)\.(\d+)", version)) and tuple(map(int, match.groups())) < OLDEST_VERSION:
        oldest = ".".join(map(str, OLDEST_VERSION))
        raise RedisError(f"Redis at {address} is too old ({version}): use version {oldest} or later, or Valkey.")
    if info.get("cluster_enabled"):
        raise RedisError(
            f"Redis at {address} is a node of a Redis Cluster, which podcrawler does not work with: "
            "use a server that is in no cluster (cluster-enabled no); it may have replicas."
        )
    if (policy := info.get("maxmemory_policy", "noeviction")) != "noeviction":
        logger.warning(
            "Redis at %s may forget entries when its memory is full (maxmemory-policy is %s): set it to noeviction.",
            address,
            policy,
        )


def _leave(server: EmbeddedServer) -> None:
    try:
        server.leave()
    except RedisError as error:
        logger.error("%s", error)
