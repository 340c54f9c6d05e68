"""What is checked before nodes start."""

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings

from podcrawler.cli.parsers import level_of
from podcrawler.cli.scrapy_values import check_scrapys
from podcrawler.cli.settings import check_names
from podcrawler.config import check_values
from podcrawler.fleet.event_loop import event_loop
from podcrawler.hosts import Hosts
from podcrawler.http.auth import read_netrc
from podcrawler.proxies import read_proxies
from podcrawler.queue import scrapy_redis_settings
from podcrawler.sites.known import read_sites


def check_settings(settings: BaseSettings) -> None:
    """Check what a node reads only after it has started, when Scrapy would log a traceback. Raises SettingError
    and SiteFileError."""
    given = [name for name in settings if settings.getpriority(name) == SETTINGS_PRIORITIES["cmdline"]]
    check_names(given, settings)
    level_of(settings)
    check_scrapys(settings, given)
    check_values(settings)
    scrapy_redis_settings.check(settings)
    Hosts.read(settings)
    read_proxies(settings)
    read_netrc()
    read_sites(settings["PODCRAWLER_SITES"])
    event_loop(settings)
