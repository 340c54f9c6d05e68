"""Checks the values of Scrapy's and scrapy-redis's settings that a component would read after the start of a node, and
fail on with a traceback."""

import codecs
from collections.abc import Iterable

from scrapy.settings import BaseSettings, default_settings

from podcrawler.exceptions import SettingError


def check_scrapys(settings: BaseSettings, given: Iterable[str]) -> None:
    """Check what was given. Raises SettingError."""
    for name in given:
        default = getattr(default_settings, name, None)
        if isinstance(default, bool):
            _check_yes_or_no(settings, name)
        elif isinstance(default, (int, float)):
            _check_number(settings, name)
    agent = str(settings["USER_AGENT"] or "")
    if not agent.isprintable():
        raise SettingError(f"USER_AGENT cannot be {agent!r}: it is sent in one line; remove control characters.")
    key = settings.get("REDIS_START_URLS_KEY") or ""
    try:
        key % {"name": "episodes"}
    except (TypeError, ValueError, KeyError):
        raise SettingError(
            f"REDIS_START_URLS_KEY cannot be {key!r}: write a name, in which %(name)s stands for that of the spider."
        ) from None
    encoding = str(settings.get("REDIS_ENCODING") or "utf-8")
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise SettingError(f"REDIS_ENCODING cannot be {encoding!r}: it is no encoding such as utf-8.") from None


def _check_yes_or_no(settings: BaseSettings, name: str) -> None:
    try:
        settings.getbool(name)
    except ValueError:
        raise SettingError(f"{name} cannot be {settings[name]!r}: write True or False.") from None


def _check_number(settings: BaseSettings, name: str) -> None:
    try:
        settings.getfloat(name)
    except (TypeError, ValueError):
        raise SettingError(f"{name} cannot be {settings[name]!r}: it is no number.") from None
