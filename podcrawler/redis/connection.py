"""How this process connects to Redis: to the one that the settings name, else an embedded one, else the local default.

All of scrapy-redis's settings of connections are honoured, with its own meaning; it is not imported, because it imports
Scrapy. Each connection is tested at once, so that a wrong setting becomes one sentence before any work begins. No
message shows a password.
"""

import atexit
import json
import logging
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry

from podcrawler.calling import called
from podcrawler.exceptions import RedisError
from podcrawler.redis.answers import cause_of, condition_of, is_forbidden, sentence_about
from podcrawler.redis.embedded import EmbeddedServer

logger = logging.getLogger(__name__)

DEFAULT_ADDRESS = ("localhost", 6379)
OLDEST_VERSION = (6, 2)

#: scrapy-redis's settings with the arguments of redis-py's clients that they are.
PARAMETERS = {
    "REDIS_URL": "url",
    "REDIS_HOST": "host",
    "REDIS_PORT": "port",
    "REDIS_DB": "db",
    "REDIS_ENCODING": "encoding",
    "REDIS_DECODE_RESPONSES": "decode_responses",
}

#: Other defaults than those of scrapy-redis and redis-py. Timeouts (seconds) are short, because a call to a frozen
#: Redis is repeated. RESP3, CLIENT SETINFO and redis-py's health check would add six round trips to each connection.
_DEFAULTS = {"socket_timeout": 2.0, "socket_connect_timeout": 2.0, "protocol": 2, "driver_info": None}
#: Spans a quick restart of Redis. redis-py's own default is no retry with a URL, and ten with a host and port.
RETRY = Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.05), retries=3)


def redis_configured(settings: Mapping[str, Any]) -> bool:
    """Whether the settings name a Redis, by ``REDIS_URL``, ``REDIS_HOST``, ``REDIS_PORT`` or ``REDIS_PARAMS``."""
    params = _params(settings)
    return any(settings.get(name) for name in ("REDIS_URL", "REDIS_HOST", "REDIS_PORT")) or any(
        params.get(name) for name in ("url", "host", "port", "unix_socket_path")
    )


def url_for_node(settings: Mapping[str, Any], state_dir: Path) -> str | None:
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
            f"run `{called()} archive ADDRESS`, which starts one, or set REDIS_URL=redis://HOST:6379."
        ) from None
    return f"redis://{host}:{port}"


def state_dir(settings: Mapping[str, Any]) -> Path:
    """Where this machine keeps its state: ``PODCRAWLER_STATE_DIR``, else beside the files of a store in a folder, else
    in the working folder."""
    if given := settings.get("PODCRAWLER_STATE_DIR"):
        return Path(given).absolute()
    scheme, _, path = str(settings.get("FILES_STORE", "")).rpartition("://")
    return (Path(path) if scheme in ("", "file") else Path()).absolute() / ".podcrawler"


def connect_node(settings: Mapping[str, Any]) -> redis.Redis:
    """Connect as a node does; see `url_for_node` and `connect`."""
    return connect(settings, url_for_node(settings, state_dir(settings)))


def client_for_node(settings: Mapping[str, Any]) -> redis.Redis:
    """As `connect_node`, but without a test of the connection, and the client does not retry: its caller does."""
    return _make_client(settings, url_for_node(settings, state_dir(settings)), {**_DEFAULTS, **_params(settings)})


@contextmanager
def held_for_node(settings: Mapping[str, Any]) -> Iterator[None]:
    """If ``REDIS_URL`` is that of the embedded server, this process is one of its users for the time of the block: it
    runs on for a node whose supervisor was killed, whoever else comes and goes."""
    server = EmbeddedServer(state_dir(settings))
    if server.attach_if_running() != settings["REDIS_URL"]:
        server.leave()
    try:
        yield
    finally:
        server.leave()


@contextmanager
def connected(settings: Mapping[str, Any], *, start: bool = False) -> Iterator[redis.Redis]:
    """The Redis of this machine for one command: as `connect_node`, but an embedded server is started for the time of
    the block if its state folder has data; with ``start``, even if it has none. Errors of redis-py in the block become
    RedisError."""
    server = EmbeddedServer(state_dir(settings))
    if redis_configured(settings) or not (start or server.has_data):
        with connect_node(settings) as client, explained(client):
            yield client
        return
    try:
        with connect(settings, server.enter()) as client, explained(client):
            yield client
    finally:
        server.leave()


@contextmanager
def connected_if_running(settings: Mapping[str, Any]) -> Iterator[redis.Redis | None]:
    """As `connected`, but None if the settings name no Redis and no embedded server runs; none is started."""
    server = EmbeddedServer(state_dir(settings))
    url = None if redis_configured(settings) else server.attach_if_running()
    try:
        if url is None and not redis_configured(settings):
            yield None
            return
        with connect(settings, url) as client, explained(client):
            yield client
    finally:
        server.leave()


def connect(settings: Mapping[str, Any], url: str | None = None) -> redis.Redis:
    """Connect to the Redis of scrapy-redis's settings, or to ``url`` with their other parameters.

    The client answers in bytes, whatever ``REDIS_DECODE_RESPONSES`` says. Raises RedisError if the settings are
    invalid, or the server cannot be reached, refuses the connection, is too old or is not a Redis.
    """
    params = {"retry": RETRY, **_DEFAULTS, **_params(settings)}
    try:
        client = _make_client(settings, url, params)
    except Exception as error:
        raise RedisError(_settings_sentence(error)) from None
    try:
        info = client.info()
    except redis.RedisError as error:
        raise RedisError(_why_not_connected(client, error)) from None
    except Exception as error:
        raise RedisError(_settings_sentence(error)) from None
    _check_server(_name_of(client), info)
    client.set_retry(params["retry"])
    return client


@contextmanager
def explained(client: redis.Redis) -> Iterator[None]:
    """Errors of redis-py in the block become RedisError, which names the server and its user."""
    try:
        yield
    except redis.RedisError as error:
        raise RedisError(_sentence(client, error)) from error


def server_version(client: redis.Redis) -> str:
    """The name and version of a server that a client is connected to."""
    info: Any = client.info("server")
    return f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"


def _params(settings: Mapping[str, Any]) -> dict[str, Any]:
    try:
        given = settings.get("REDIS_PARAMS") or {}
        return dict(json.loads(given) if isinstance(given, str) else given)
    except (TypeError, ValueError):
        raise RedisError('REDIS_PARAMS has a wrong form: write a dictionary, or JSON such as {"db": 1}.') from None


def _make_client(settings: Mapping[str, Any], url: str | None, params: dict[str, Any]) -> redis.Redis:
    """A client that does not retry yet, so that a wrong address fails at once."""
    given = {argument: value for name, argument in PARAMETERS.items() if (value := settings.get(name))}
    arguments = {**params, **given, "retry": Retry(NoBackoff(), 0)}
    if url:
        arguments["url"] = url
    address = arguments.pop("url", None)
    kind = _client_class(arguments.pop("redis_cls", redis.Redis))
    client: redis.Redis = kind.from_url(address, **arguments) if address else kind(**arguments)
    # Set last: a setting, REDIS_PARAMS and the URL's query may each have another value.
    client.connection_pool.connection_kwargs["decode_responses"] = False
    return client


def _client_class(given: Any) -> Any:
    """The class, or the one that a path (``package.module.Class``) leads to."""
    if not isinstance(given, str):
        return given
    module, _, name = given.rpartition(".")
    return getattr(import_module(module), name)


def _settings_sentence(error: Exception) -> str:
    if isinstance(error, ValueError):
        # The error is not shown: its text may contain a piece of the password.
        return (
            "REDIS_URL or another REDIS_ setting has a wrong form: write redis://:PASSWORD@HOST:PORT/0, rediss://… or "
            "unix:///PATH, with the special characters of the password percent-encoded."
        )
    return f"The settings of Redis cannot be used ({error}): correct REDIS_PARAMS or the other REDIS_ settings."


def _name_of(client: redis.Redis) -> str:
    """Which Redis that is, in sentences."""
    kwargs = client.connection_pool.connection_kwargs
    address = kwargs.get("path") or f"{kwargs.get('host', 'localhost')}:{kwargs.get('port', 6379)}"
    return f"Redis at {address}"


def _sentence(client: redis.Redis, error: redis.RedisError) -> str:
    user = client.connection_pool.connection_kwargs.get("username") or "default"
    return _without_password(client, sentence_about(error, _name_of(client), user))


def _why_not_connected(client: redis.Redis, error: redis.RedisError) -> str:
    if condition_of(error) or is_forbidden(error):
        return _sentence(client, error)
    return _without_password(client, f"{_name_of(client)} {_problem_and_remedy(error)}.")


def _without_password(client: redis.Redis, sentence: str) -> str:
    password = client.connection_pool.connection_kwargs.get("password")
    return sentence.replace(str(password), "***") if password else sentence


def _problem_and_remedy(error: redis.RedisError) -> str:
    cause = cause_of(error)
    match error:
        case redis.AuthenticationError():
            return f"refuses the password or the lack of one ({cause}): set REDIS_URL=redis://:PASSWORD@HOST:PORT/0"
        case redis.TimeoutError():
            return f"does not answer in time ({cause}): check the address in REDIS_URL, the network and the firewall"
        case redis.InvalidResponse():
            return f"is no Redis server ({cause}): correct the address in REDIS_URL"
        case redis.ConnectionError():
            return f"cannot be reached ({cause}): start it, or correct the address in REDIS_URL"
        case _:
            return f"refuses to work ({cause}): correct REDIS_URL or the other REDIS_ settings, or that server"


def _check_server(name: str, info: dict[str, Any]) -> None:
    version = str(info.get("redis_version", ""))
    if (match := re.match(r"(\d+)\.(\d+)", version)) and tuple(map(int, match.groups())) < OLDEST_VERSION:
        oldest = ".".join(map(str, OLDEST_VERSION))
        raise RedisError(f"{name} is too old ({version}): use version {oldest} or later, or Valkey.")
    if info.get("cluster_enabled"):
        raise RedisError(
            f"{name} is a node of a Redis Cluster, which podcrawler does not work with: "
            "use a server that is in no cluster (cluster-enabled no); it may have replicas."
        )
    if info.get("loading"):
        raise RedisError(
            f"{name} is still loading its data ({info.get('loading_loaded_perc', 0):.0f} %): wait until it has, then "
            "run the command again."
        )
    if (policy := info.get("maxmemory_policy", "noeviction")) != "noeviction":
        logger.warning(
            "%s may forget entries when its memory is full (maxmemory-policy is %s): set it to noeviction.",
            name,
            policy,
        )


def _leave(server: EmbeddedServer) -> None:
    try:
        server.leave()
    except RedisError as error:
        logger.error("%s", error)
