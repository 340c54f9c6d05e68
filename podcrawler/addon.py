"""The wiring: which classes of podcrawler stand where in Scrapy, as a Scrapy add-on (``ADDONS`` in settings.py).

Scrapy applies an add-on after all settings are known, the command line's and the spider's included. So a user's
``ITEM_PIPELINES`` or ``DOWNLOADER_MIDDLEWARES`` may name the user's components alone: podcrawler's are added to them.
An order, or None, that a setting gives to one of podcrawler's components is kept.

Components are given by import path, so that this module imports none of them.
"""

from collections.abc import Mapping
from importlib import import_module

from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object

from podcrawler.exceptions import SettingError
from podcrawler.printing import make_log_presentable
from podcrawler.scrapy_internals import assert_supported, has_scrapys_cookies, use_shipped_suffixes

#: Settings that name one class or module. Any value of the user's takes precedence.
_CLASSES = {
    "DOWNLOADER": "podcrawler.scrapy_internals.Downloader",
    "STATS_CLASS": "podcrawler.stats.StatsCollector",
    "SCHEDULER_SERIALIZER": "podcrawler.queue.codec",
}
#: Settings that name components with their order; None removes one of Scrapy's.
_COMPONENTS: dict[str, dict[str, int | None]] = {
    "DOWNLOADER_MIDDLEWARES": {
        "podcrawler.queue.stream.DirectEpisodeMiddleware": 10,
        "podcrawler.http.auth.LoginMiddleware": 310,
        # Each replaces one of Scrapy's, at the same order.
        "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": None,
        "podcrawler.http.auth.UserAgentMiddleware": 500,
        # Behind the User-Agent; and before what makes an answer the page that it is.
        "podcrawler.http.robots.RobotsMiddleware": 510,
        "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
        "podcrawler.http.redirects.MetaRefreshMiddleware": 580,
        "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
        "podcrawler.http.compression.CompressionMiddleware": 590,
        "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
        "podcrawler.http.redirects.RedirectMiddleware": 600,
        "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": None,
        "podcrawler.http.cookies.LateCookiesMiddleware": 700,
        "podcrawler.http.proxy.ProxyMiddleware": 750,
    },
    "EXTENSIONS": {"podcrawler.fleet.report.NodeReport": 0, "podcrawler.fleet.hooks.Hooks": 0},
    "ITEM_PIPELINES": {"podcrawler.media.pipeline.EpisodeFilesPipeline": 500},
}
#: Extensions of Scrapy that are off unless this setting is on. All that they need is imported even if they are off.
_OFF_UNLESS = {
    "scrapy.extensions.remote_control.RemoteControl": "REMOTE_CONTROL_ENABLED",
    "scrapy.extensions.telnet.TelnetConsole": "TELNETCONSOLE_ENABLED",
}
#: Scrapy's middleware for cookies; that of podcrawler imports it when there is a cookie.
_COOKIES = "scrapy.downloadermiddlewares.cookies.CookiesMiddleware"
#: By format of an export (``-O items.csv``).
_EXPORTERS = {"csv": "podcrawler.exporters.CsvItemExporter"}
#: By scheme. Feeds and pages are hostile input, so no other scheme is fetched for them.
_DOWNLOAD_HANDLERS = {
    "http": "podcrawler.http.handler.DownloadHandler",
    "https": "podcrawler.http.handler.DownloadHandler",
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}


class Addon:
    """All that a Scrapy project needs for podcrawler: ``ADDONS = {"podcrawler.addon.Addon": 0}``."""

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        """Give a project with a settings module of its own podcrawler's defaults, below all that it sets itself."""
        settings.setmodule("podcrawler.settings", priority="addon")

    def update_settings(self, settings: BaseSettings) -> None:
        """Add the components. Raises SettingError if a setting names something that cannot be loaded, and
        UnsupportedScrapyError."""
        assert_supported()
        # Before Scrapy tells the settings.
        make_log_presentable()
        for name, path in _CLASSES.items():
            settings.set(name, path, priority="addon")
        for name, components in _COMPONENTS.items():
            _add_components(settings, name, components)
        off = [path for path, setting in _OFF_UNLESS.items() if not settings.getbool(setting)]
        for name, paths in (("DOWNLOADER_MIDDLEWARES_BASE", [_COOKIES]), ("EXTENSIONS_BASE", off)):
            # Not in the setting that is for users: what that names is imported.
            settings.set(name, {**settings.getdict(name), **dict.fromkeys(paths)}, priority="addon")
        if has_scrapys_cookies():
            # A user's component is made of it.
            use_shipped_suffixes()
        for name, defaults in (("DOWNLOAD_HANDLERS", _DOWNLOAD_HANDLERS), ("FEED_EXPORTERS", _EXPORTERS)):
            settings.set(name, {**defaults, **settings.getdict(name)}, priority=settings.getpriority(name) or 0)


def import_components(settings: BaseSettings) -> None:
    """Import podcrawler's components and Scrapy's, before a crawl does."""
    paths = [*_CLASSES.values(), *_DOWNLOAD_HANDLERS.values()]
    paths += [path for components in _COMPONENTS.values() for path in components]
    for name in ("DOWNLOADER_MIDDLEWARES_BASE", "SPIDER_MIDDLEWARES_BASE", "EXTENSIONS_BASE"):
        paths += settings.getdict(name)
    for path in paths:
        if path and path != _COOKIES and path not in _OFF_UNLESS:
            import_module(path.rpartition(".")[0])


def _add_components(settings: BaseSettings, name: str, components: Mapping[str, int | None]) -> None:
    try:
        for path, order in components.items():
            settings.setdefault_in_component_priority_dict(name, load_object(path), order)
    except (ImportError, NameError, TypeError, ValueError) as error:
        raise SettingError(f"{name} names something that cannot be loaded: {error}.") from None
