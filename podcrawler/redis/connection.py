"""How this process gets its Redis: the one that the settings name, else an embedded one, else the usual local one.

Connections are made by scrapy-redis, so that all of its settings hold, and are tried at once, so that whatever is wrong
with them ends in one sentence before any work begins. No sentence shows a password.
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

# What scrapy-redis and redis-py would have otherwise. Nothing shall wait for a frozen Redis for long (seconds); a call
# that it did not answer is made again. And no connection begins with more than it needs, because Redis may be far: with
# the newer protocol, redis-py's name and its health check it would take six round trips more.
_DEFAULTS = {"socket_timeout": 2.0, "socket_connect_timeout": 2.0, "protocol": 2, "driver_info": None}
# Outlives a quick restart of Redis. redis-py's own default differs: none with a URL, ten with a host and port.
RETRY = Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.05), retries=3)


def redis_configured(settings: BaseSettings) -> bool:
    """Whether the settings name a Redis, be it by ``REDIS_URL``, ``REDIS_HOST``, ``REDIS_PORT`` or ``REDIS_PARAMS``."""
    params = _params(settings)
    return any(settings.get(name) for name in ("REDIS_URL", "REDIS_HOST", "REDIS_PORT")) or any(
        params.get(name) for name in ("url", "host", "port", "unix_socket_path")
    )


def url_for_node(settings: BaseSettings, state_dir: Path) -> str | None:
    """The URL of the Redis that a node works with, for `connect`; None if the settings name one themselves.

    That is the embedded server of ``state_dir`` if it runs, which then has this process as a user until it exits; else
    ``redis://localhost:6379``. No server is ever started. Raises RedisError, with how to get a Redis, if there is none.
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
    """The same without a look at Redis, which may be away for the moment. The client makes each call but once."""
    return _make_client(settings, url_for_node(settings, state_dir(settings)), {**_DEFAULTS, **_params(settings)})


@contextmanager
def connected(settings: BaseSettings, *, start: bool = False) -> Iterator[redis.Redis]:
    """The queue of this machine for a short look: as `connect_node`, but the embedded server of a state folder that
    has data is started for as long as the block lasts; with ``start``, of any state folder."""
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

    The client answers in bytes, whatever ``REDIS_DECODE_RESPONSES`` says. Raises RedisError if the settings make no
    sense, the server cannot be reached, refuses us, is too old or is no Redis.
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
        said = str(error).rstrip(".")
        if password := kwargs.get("password"):
            said = said.replace(str(password), "***")
        raise RedisError(f"Redis at {address} {_what_and_remedy(error, said)}.") from None
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
    """A client that does not retry yet, for a wrong address shall be told at once."""
    values = {name: settings.get(name) for name in SETTINGS_PARAMS_MAP}
    if url:
        values["REDIS_URL"] = url
    values["REDIS_PARAMS"] = {**params, "retry": Retry(NoBackoff(), 0)}
    with warnings.catch_warnings():
        # From scrapy-redis, which gives redis-py an argument (retry_on_timeout) that became the default.
        warnings.simplefilter("ignore", DeprecationWarning)
        client: redis.Redis = get_redis_from_settings(BaseSettings(values))
    # Here, because it may come from a setting, from REDIS_PARAMS or from the URL's query.
    client.connection_pool.connection_kwargs["decode_responses"] = False
    return client


def _settings_sentence(error: Exception) -> str:
    if isinstance(error, ValueError):
        # Not quoted: what stands at the wrong place of a URL may be a piece of the password.
        return (
            "REDIS_URL or another REDIS_ setting has a wrong form: write redis://:PASSWORD@HOST:PORT/0, rediss://… or "
            "unix:///PATH, with the special characters of the password percent-encoded."
        )
    return f"The settings of Redis cannot be used ({error}): correct REDIS_PARAMS or the other REDIS_ settings."


def _what_and_remedy(error: redis.RedisError, said: str) -> str:
    match error:
        case redis.AuthenticationError():
            return f"refuses the password or the lack of one ({said}): set REDIS_URL=redis://:PASSWORD@HOST:PORT/0"
        case redis.BusyLoadingError():
            return "is still loading its data: wait until it has, and try again"
        case redis.TimeoutError():
            return f"does not answer in time ({said}): check the address in REDIS_URL, the network and the firewall"
        case redis.InvalidResponse():
            return f"is no Redis server ({said}): correct the address in REDIS_URL"
        case redis.ConnectionError():
            return f"cannot be reached ({said}): start it, or correct the address in REDIS_URL"
        case _:
            return f"refuses to work ({said}): correct REDIS_URL or the other REDIS_ settings, or that server"


def _check_server(address: str, info: dict[str, object]) -> None:
    version = str(info.get("redis_version", ""))
    if (match := re.match(r"(\d+)\.(\d+)", version)) and tuple(map(int, match.groups())) < OLDEST_VERSION:
        oldest = ".".join(map(str, OLDEST_VERSION))
        raise RedisError(f"Redis at {address} is too old ({version}): use version {oldest} or later, or Valkey.")
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
