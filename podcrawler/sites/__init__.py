"""The sites: the code that understands one kind of page or feed, one file each.

Sites are pure functions of a response to items: they use no Redis, disk, settings or network. A new site is one file in
this folder with one subclass of ``Site``, and saved pages with the items expected of them (tests/sites/<name>/).
"""

import pkgutil
from functools import cache
from importlib import import_module

from scrapy.http import TextResponse

from podcrawler.exceptions import ListingError
from podcrawler.sites.base import Site


@cache
def all_sites() -> tuple[Site, ...]:
    """Every site, the specific ones before the generic ones."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return tuple(site() for site in sorted(Site.__subclasses__(), key=lambda site: (site.generic, site.name)))


def site_for(response: TextResponse) -> Site:
    """The site that understands ``response``. Raises ListingError if none does."""
    for site in all_sites():
        if site.matches(response):
            return site
    raise ListingError(
        "unknown-page",
        f"{response.url} is neither a feed nor a page that podcrawler knows; "
        "give the address of the podcast's RSS or Atom feed, or of its list of episodes.",
    )
