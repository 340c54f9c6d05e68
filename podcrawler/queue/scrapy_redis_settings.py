"""scrapy-redis's settings of its scheduler, queue and duplicate filter: each is honoured or refused, none is ignored.

The settings of its connection are in redis/connection.py. ``REDIS_START_URLS_AS_SET`` and ``REDIS_START_URLS_AS_ZSET``
need no code: lua/lease.lua reads seeds from a list, a set or a sorted set, whichever it finds.
"""

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings
from scrapy.utils.misc import load_object

from podcrawler.exceptions import SettingError

_QUEUE = "podcrawler has a queue of its own; remove the setting (PODCRAWLER_NAMESPACE keeps two archives apart)"
_FILTER = "the state of an entry in the queue is the duplicate filter; remove the setting"
#: The refused settings, each with the reason and the remedy.
_REFUSED = {
    "SCHEDULER_QUEUE_CLASS": _QUEUE,
    "SCHEDULER_QUEUE_KEY": _QUEUE,
    "SCHEDULER_DUPEFILTER_CLASS": _FILTER,
    "SCHEDULER_DUPEFILTER_KEY": _FILTER,
    "DUPEFILTER_CLASS": _FILTER,
    "SCHEDULER_IDLE_BEFORE_CLOSE": "no node waits in Redis for its next entry; use MAX_IDLE_TIME_BEFORE_CLOSE",
    "SCHEDULER_FLUSH_ON_START": (
        "one node must not empty the queue of all; stop all nodes and delete its keys, as docs/settings.md says"
    ),
    "REDIS_START_URLS_BATCH_SIZE": (
        "a node takes as many seeds as it works on at once; use PODCRAWLER_CONCURRENT_EPISODES or "
        "PODCRAWLER_CONCURRENT_PAGES"
    ),
}


def check(settings: BaseSettings) -> None:
    """Raise SettingError, with the remedy, for the first setting that is invalid or that could only be ignored."""
    for name, reason in _REFUSED.items():
        if _is_set(settings, name):
            raise SettingError(f"{name} cannot be {settings[name]!r}: {reason}.")
    if not _as_bool(settings, "SCHEDULER_PERSIST"):
        raise SettingError(
            f"SCHEDULER_PERSIST cannot be {settings['SCHEDULER_PERSIST']!r}: the queue belongs to the whole fleet and "
            "outlives every node; remove the setting."
        )
    if not hasattr(load_object(settings["SCHEDULER"]), "leased_requests"):
        raise SettingError(
            f"SCHEDULER cannot be {settings['SCHEDULER']!r}: a node needs podcrawler.queue.scheduler.Scheduler, or a "
            "class made from it; remove the setting."
        )
    if str(settings["STATS_CLASS"]).startswith("scrapy_redis."):
        raise SettingError(
            f"STATS_CLASS cannot be {settings['STATS_CLASS']!r}: it does not work with this Scrapy; remove the "
            "setting, nodes report to Redis what they do anyway."
        )
    max_idle_seconds(settings)


def max_idle_seconds(settings: BaseSettings) -> float:
    """``MAX_IDLE_TIME_BEFORE_CLOSE``: the seconds after which a node without work ends; 0 for never. Raises
    SettingError."""
    given = settings.get("MAX_IDLE_TIME_BEFORE_CLOSE") or 0
    try:
        seconds = float(given)
    except (TypeError, ValueError):
        seconds = -1
    if not 0 <= seconds <= 10_000_000:
        raise SettingError(f"MAX_IDLE_TIME_BEFORE_CLOSE cannot be {given!r}: write seconds, 0 for no limit.")
    return seconds


def _is_set(settings: BaseSettings, name: str) -> bool:
    """Whether a project, a spider or a user has set this to something other than off."""
    if (settings.getpriority(name) or 0) <= SETTINGS_PRIORITIES["command"]:
        return False
    return str(settings[name]) not in ("", "0", "0.0", "False", "false", "None")


def _as_bool(settings: BaseSettings, name: str) -> bool:
    try:
        return settings.getbool(name)
    except ValueError:
        raise SettingError(f"{name} cannot be {settings[name]!r}: write True or False.") from None
