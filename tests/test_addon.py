"""The wiring: podcrawler's components are in a node whatever else its settings name, unless they say otherwise."""

from textwrap import dedent
from typing import Any

import pytest
from scrapy.settings import BaseSettings, Settings

from podcrawler import settings as defaults
from podcrawler.addon import Addon
from podcrawler.exceptions import SettingError
from podcrawler.fleet.report import NodeReport
from podcrawler.http.cookies import LateCookiesMiddleware
from podcrawler.http.handler import DownloadHandler
from podcrawler.http.proxy import ProxyMiddleware
from podcrawler.http.redirects import RedirectMiddleware
from podcrawler.media.pipeline import EpisodeFilesPipeline
from tests.conftest import Commands
from tests.origin import RunningOrigin

OURS: dict[str, type] = {
    "DOWNLOADER_MIDDLEWARES": ProxyMiddleware,
    "EXTENSIONS": NodeReport,
    "ITEM_PIPELINES": EpisodeFilesPipeline,
}


def applied(given: dict[str, Any] | None = None, priority: str = "project") -> Settings:
    """The settings of a crawl for which these were given."""
    settings = Settings()
    settings.setmodule(defaults)
    settings.setdict(given or {}, priority=priority)
    Addon().update_settings(settings)
    return settings


@pytest.mark.parametrize("setting", OURS)
@pytest.mark.parametrize("value", [{"scrapy.Spider": 1}, '{"scrapy.Spider": 1}'], ids=["dict", "JSON"])
@pytest.mark.parametrize("priority", ["project", "spider", "cmdline"])
def test_a_setting_that_names_other_components_keeps_ours(setting: str, value: object, priority: str) -> None:
    components = applied({setting: value}, priority).getdict(setting)
    assert components["scrapy.Spider"] == 1
    assert components[OURS[setting]] == applied().getdict(setting)[OURS[setting]]


@pytest.mark.parametrize("order", [42, None])
@pytest.mark.parametrize(("setting", "component"), OURS.items())
def test_an_order_that_a_setting_gives_to_ours_is_kept(setting: str, component: type, order: int | None) -> None:
    path = f"{component.__module__}.{component.__qualname__}"
    for key in (path, component):
        components = applied({setting: {key: order}}).getdict(setting)
        assert [value for name, value in components.items() if name in (path, component)] == [order]


def test_ours_replace_scrapys_own() -> None:
    middlewares: list[Any] = list(applied().get_component_priority_dict_with_base("DOWNLOADER_MIDDLEWARES"))
    assert [name for name in middlewares if "RedirectMiddleware" in str(name)] == [RedirectMiddleware]
    assert [name for name in middlewares if "ProxyMiddleware" in str(name)] == [ProxyMiddleware]
    assert [name for name in middlewares if "Cookies" in str(name)] == [LateCookiesMiddleware]


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("TELNETCONSOLE_ENABLED", "scrapy.extensions.telnet.TelnetConsole"),
        ("REMOTE_CONTROL_ENABLED", "scrapy.extensions.remote_control.RemoteControl"),
    ],
)
def test_an_extension_that_is_off_is_not_imported(setting: str, path: str) -> None:
    assert path not in applied().get_component_priority_dict_with_base("EXTENSIONS")
    assert path in applied({setting: True}).get_component_priority_dict_with_base("EXTENSIONS")


@pytest.mark.parametrize("setting", OURS)
def test_a_component_that_cannot_be_loaded_is_named(setting: str) -> None:
    with pytest.raises(
        SettingError, match=f"{setting} names something that cannot be loaded: No module named 'nowhere'"
    ):
        applied({setting: {"nowhere.Component": 1}})


@pytest.mark.parametrize("priority", ["project", "spider", "cmdline"])
def test_a_class_that_a_setting_names_takes_precedence(priority: str) -> None:
    assert applied()["DOWNLOADER"] == "podcrawler.scrapy_internals.Downloader"
    assert applied({"DOWNLOADER": "own.Downloader"}, priority)["DOWNLOADER"] == "own.Downloader"


def test_a_handler_of_ones_own_is_one_more() -> None:
    handlers = applied({"DOWNLOAD_HANDLERS": {"ftp": "own.Handler"}}).getwithbase("DOWNLOAD_HANDLERS")
    assert handlers["ftp"] == "own.Handler"
    assert handlers["https"] == f"{DownloadHandler.__module__}.{DownloadHandler.__qualname__}"
    assert handlers["file"] is None


def test_a_project_that_lists_the_add_on_gets_our_defaults_below_its_own() -> None:
    settings = BaseSettings({"USER_AGENT": "mine"})
    Addon.update_pre_crawler_settings(settings)
    assert settings["USER_AGENT"] == "mine"
    assert settings["PODCRAWLER_MAX_TRIES"] == defaults.PODCRAWLER_MAX_TRIES
    assert settings["SCHEDULER"] == "podcrawler.queue.scheduler.Scheduler"


OWN = """
    class Marks:
        def process_request(self, request):
            request.headers["X-Marked"] = "yes"


    class Addon:
        def update_settings(self, settings):
            settings.set_in_component_priority_dict("DOWNLOADER_MIDDLEWARES", Marks, 600)
"""


def test_an_add_on_of_a_users_is_one_more(fleet: Commands, origin: RunningOrigin) -> None:
    (fleet.folder / "own.py").write_text(dedent(OWN))
    address = f"{origin.address}/feed.xml?episodes=2&size=10"
    ended = fleet.drain("-a", f"address={address}", "-s", 'ADDONS={"own.Addon": 1}', PYTHONPATH=str(fleet.folder))
    assert ended.status == 0, ended.err
    assert len(fleet.files()) == 2
    assert [request.headers.get("x-marked") for request in origin.requests()] == ["yes"] * 3


PROJECT = """
    ADDONS = {"podcrawler.addon.Addon": 0}
    SPIDER_MODULES = ["podcrawler.spiders"]
    USER_AGENT = "a project of my own"
"""


@pytest.mark.parametrize("more", ["", 'COMMANDS_MODULE = "podcrawler.commands"'], ids=["scrapys", "ours"])
def test_a_project_of_ones_own_needs_the_add_on_only(fleet: Commands, origin: RunningOrigin, more: str) -> None:
    (fleet.folder / "mine.py").write_text(dedent(PROJECT) + more)
    address = f"{origin.address}/feed.xml?episodes=2&size=10"
    ended = fleet.drain("-a", f"address={address}", SCRAPY_SETTINGS_MODULE="mine", PYTHONPATH=str(fleet.folder))
    assert ended.status == 0, ended.err
    assert len(fleet.files()) == 2
    assert {request.headers["user-agent"] for request in origin.requests()} == {"a project of my own"}
