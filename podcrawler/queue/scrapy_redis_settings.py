"""scrapy-redis's settings of its scheduler, queue and duplicate filter: each is honoured or refused, none is ignored.

Those of the connection are in redis/connection.py. Seeds may lie in a list, a set or a sorted set, whatever
``REDIS_START_URLS_AS_SET`` and ``REDIS_START_URLS_AS_ZSET`` say: lua/lease.lua looks at the key.
"""

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings
from scrapy.utils.misc import load_object

from podcrawler.exceptions import SettingError

_QUEUE = "podcrawler has a queue of its own; remove the setting (PODCRAWLER_NAMESPACE keeps two archives apart)"
_FILTER = "the state of an entry in the queue is the duplicate filter; remove the setting"
#: What has no meaning here when it is set, with the reason and the remedy.
_REFUSED = {
    "SCHEDULER_QUEUE_CLASS": _QUEUE,
    "SCHEDULER_QUEUE_KEY": _QUEUE,
    "SCHEDULER_DUPEFILTER_CLASS": _FILTER,
    "SCHEDULER_DUPEFILTER_KEY": _FILTER,
    "DUPEFILTER_CLASS": _FILTER,
    "SCHEDULER_IDLE_BEFORE_CLOSE": "no node waits in Redis for its next entry; use MAX_IDLE_TIME_BEFORE_CLOSE",
    "SCHEDULER_FLUSH_ON_START": (
        "one node must not empty the queue of all; stop all nodes and delete its keys, as docs/settings.md tells"
    ),
    "REDIS_START_URLS_BATCH_SIZE": (
        "a node takes as many seeds as it works on at once; use PODCRAWLER_CONCURRENT_EPISODES or "
        "PODCRAWLER_CONCURRENT_PAGES"
    ),
}


def check(settings: BaseSettings) -> None:
    """SettingError, with what to use, for the first setting that would have to be ignored, or that is wrong."""
    for name, reason in _REFUSED.items():
        if _is_set(settings, name):
            raise SettingError(f"{name} cannot be {settings[name]!r}: {reason}.")
    if not _truth(settings, "SCHEDULER_PERSIST"):
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
            "setting, nodes tell Redis what they do anyway."
        )
    max_idle_seconds(settings)


def max_idle_seconds(settings: BaseSettings) -> float:
    """``MAX_IDLE_TIME_BEFORE_CLOSE``: how long a node may be without work before it ends; 0 means for ever."""
    given = settings.get("MAX_IDLE_TIME_BEFORE_CLOSE") or 0
    try:
        seconds = float(given)
    except (TypeError, ValueError):
        seconds = -1
    if not 0 <= seconds <= 10_000_000:
        raise SettingError(f"MAX_IDLE_TIME_BEFORE_CLOSE cannot be {given!r}: write seconds, 0 for no limit.")
    return seconds


def _is_set(settings: BaseSettings, name: str) -> bool:
    """Whether somebody set this, be it the project, a spider or a user, to something other than off."""
    if (settings.getpriority(name) or 0) <= SETTINGS_PRIORITIES["command"]:
        return False
    return str(settings[name]) not in ("", "0", "0.0", "False", "false", "None")


def _truth(settings: BaseSettings, name: str) -> bool:
    try:
        return settings.getbool(name)
    except ValueError:
        raise SettingError(f"{name} cannot be {settings[name]!r}: write True or False.") from None
