"""The sites that there are, and which of them understands a response.

Those that a user describes in files are read here, once and before anything is fetched (toml.py).
"""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from scrapy.http import TextResponse

from podcrawler import sites
from podcrawler.exceptions import ListingError, SettingError
from podcrawler.sites.base import Site

#: The modules of sites that the user describes in files: they are imported when there are such files.
_DESCRIBED = ("toml", "toml_page", "toml_schema", "selectors")

#: The sites that the user's files describe.
_own: tuple[Site, ...] = ()


def load_sites() -> None:
    """Import the sites that podcrawler knows itself."""
    for module in pkgutil.iter_modules(sites.__path__):
        if module.name not in _DESCRIBED:
            import_module(f"{sites.__name__}.{module.name}")


def registered_by() -> set[str]:
    """The modules that have registered sites so far, by being imported."""
    return {site.__module__ for site in Site.__subclasses__()}


@cache
def all_sites() -> tuple[Site, ...]:
    """Every site that podcrawler knows itself, the specific ones before the generic ones."""
    load_sites()
    classes = [site for site in Site.__subclasses__() if site.__module__ != f"{sites.__name__}.toml"]
    return tuple(site() for site in sorted(classes, key=lambda site: (site.generic, site.name)))


def read_sites(folder: str) -> tuple[Site, ...]:
    """The sites that the files ``*.toml`` in a folder describe (``PODCRAWLER_SITES``), by name; none if it is empty.

    Raises SettingError if there is no such folder or no file in it, and SiteFileError if a file is wrong.
    """
    if not folder:
        return ()
    files = sorted(Path(folder).glob("*.toml"))
    if not files:
        raise SettingError(
            f"PODCRAWLER_SITES cannot be {folder!r}: there is no file *.toml in that folder; see docs/toml-sites.md."
        )
    from podcrawler.sites.toml import TomlSite

    return tuple(map(TomlSite.read, files))


def use_sites(sites: tuple[Site, ...]) -> None:
    """Ask these sites before all others, from now on and in this process: what ``read_sites`` read."""
    global _own
    _own = sites


def site_for(response: TextResponse) -> Site:
    """The site that understands ``response``. Raises ListingError if none does."""
    for site in (*_own, *all_sites()):
        if site.matches(response):
            return site
    if not response.body.strip():
        raise ListingError(
            "empty",
            f"{response.url} is an empty page; try again later, or check whether the address opens in a browser.",
            "passing",
        )
    raise ListingError(
        "unknown-page",
        f"{response.url} is neither a feed nor a page that podcrawler knows; "
        "give the address of the podcast's RSS or Atom feed, or of its list of episodes.",
    )
