"""The wiring: which classes of podcrawler stand where in Scrapy, as a Scrapy add-on (``ADDONS`` in settings.py).

Scrapy applies an add-on after all settings are known, the command line's and the spider's included. So a user's
``ITEM_PIPELINES`` or ``DOWNLOADER_MIDDLEWARES`` may name the user's components alone: podcrawler's are added to them.
An order, or None, that a setting gives to one of podcrawler's components is kept.

Components are given by import path, so that this module imports none of them.
"""

from collections.abc import Mapping

from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object

from podcrawler.exceptions import SettingError
from podcrawler.printing import make_log_presentable
from podcrawler.scrapy_internals import assert_supported, use_shipped_suffixes

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
        "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
        "podcrawler.http.redirects.MetaRefreshMiddleware": 580,
        "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
        "podcrawler.http.compression.CompressionMiddleware": 590,
        "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
        "podcrawler.http.redirects.RedirectMiddleware": 600,
        "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": None,
        "podcrawler.http.proxy.ProxyMiddleware": 750,
    },
    "EXTENSIONS": {"podcrawler.fleet.report.NodeReport": 0},
    "ITEM_PIPELINES": {"podcrawler.media.pipeline.EpisodeFilesPipeline": 500},
}
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
        use_shipped_suffixes()
        # Before Scrapy tells the settings.
        make_log_presentable()
        for name, path in _CLASSES.items():
            settings.set(name, path, priority="addon")
        for name, components in _COMPONENTS.items():
            _add_components(settings, name, components)
        for name, defaults in (("DOWNLOAD_HANDLERS", _DOWNLOAD_HANDLERS), ("FEED_EXPORTERS", _EXPORTERS)):
            settings.set(name, {**defaults, **settings.getdict(name)}, priority=settings.getpriority(name) or 0)


def _add_components(settings: BaseSettings, name: str, components: Mapping[str, int | None]) -> None:
    try:
        for path, order in components.items():
            settings.setdefault_in_component_priority_dict(name, load_object(path), order)
    except (ImportError, NameError, TypeError, ValueError) as error:
        raise SettingError(f"{name} names something that cannot be loaded: {error}.") from None
