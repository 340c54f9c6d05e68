"""The event loop that ``ASYNCIO_EVENT_LOOP`` names."""

import asyncio

from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings, Settings
from scrapy.utils.misc import load_object

from podcrawler.exceptions import SettingError


def event_loop(settings: BaseSettings) -> type[asyncio.AbstractEventLoop] | None:
    """The class that is named, None if none is. Raises SettingError."""
    if not (path := settings["ASYNCIO_EVENT_LOOP"]):
        return None
    try:
        found = load_object(path)
    except (ImportError, NameError, ValueError) as error:
        raise SettingError(f"ASYNCIO_EVENT_LOOP cannot be {path!r} ({error}); leave it empty for asyncio's.") from None
    if not (isinstance(found, type) and issubclass(found, asyncio.AbstractEventLoop)):
        raise SettingError(
            f"ASYNCIO_EVENT_LOOP cannot be {path!r}, which is no event loop; leave it empty for asyncio's."
        )
    return found


def set_event_loop(settings: Settings) -> None:
    """Set the loop that the settings name, before Scrapy makes its process. Raises Scrapy's UsageError."""
    try:
        loop = event_loop(settings)
    except SettingError as error:
        raise UsageError(str(error), print_help=False) from None
    if loop is None:
        # Scrapy takes an empty path for the path of a class.
        settings.set("ASYNCIO_EVENT_LOOP", None, priority="cmdline")
    else:
        # Otherwise Scrapy sets asyncio's default loop first, and drops it without closing it: whether Python then
        # prints a traceback when the process exits depends on the order of garbage collection.
        asyncio.set_event_loop(loop())
