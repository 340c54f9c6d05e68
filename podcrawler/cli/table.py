"""The commands by group, as the help lists them. No command is imported for that."""

from importlib import import_module
from types import ModuleType
from typing import NamedTuple

ARCHIVE, SUBSCRIPTIONS, OPERATE, LOOK = "Archive", "Subscriptions", "Operate", "Look"
SCRAPYS, ABOUT = "Scrapy's", "About podcrawler"


class Listed(NamedTuple):
    """A command as it is listed."""

    group: str
    arguments: str
    summary: str
    #: Of podcrawler/cli; empty for a command of Scrapy's, or one that is made of Scrapy's.
    module: str = ""
    #: Whether it needs Scrapy's own settings: it makes requests, or opens the store.
    needs_scrapy: bool = False

    def load(self) -> ModuleType:
        return import_module(f"podcrawler.cli.{self.module}")


COMMANDS = {
    "archive": Listed(
        ARCHIVE, "ADDRESS|FILE.opml...", "Archive podcasts on this machine: find, download, end", "archive", True
    ),
    "crawl": Listed(ARCHIVE, "episodes|podcasts", "Run a node: episodes (downloads) or podcasts (finds episodes)"),
    "import": Listed(ARCHIVE, "DIR [ADDRESS...]", "Record the media files in a folder as finished", "importing"),
    "merge": Listed(ARCHIVE, "ID|ADDRESS INTO", "Say that a podcast, or an address, is another podcast", "merge", True),
    "keep": Listed(ARCHIVE, "[ID]", "Keep the newest files of a podcast, and trash the older ones", "keep"),
    "verify": Listed(
        ARCHIVE, "[ID...]", "Check the archive against its sidecars and manifests, and repair it", "verify"
    ),
    "bag": Listed(ARCHIVE, "ID", "Make a bag (BagIt) of a podcast", "bag"),
    "publish": Listed(ARCHIVE, "[ID...]", "Write feeds and web pages, or a tree of links", "publish"),
    "subscribe": Listed(
        SUBSCRIPTIONS, "ADDRESS|FILE.opml|ID...", "Follow podcasts, or change what is wanted of them", "subscribe"
    ),
    "unsubscribe": Listed(SUBSCRIPTIONS, "ID|ADDRESS...", "Follow podcasts no longer", "unsubscribe"),
    "subscriptions": Listed(
        SUBSCRIPTIONS, "", "List the podcasts that are followed: state, last check, next check", "subscriptions"
    ),
    "refresh": Listed(SUBSCRIPTIONS, "[ID|ADDRESS...]", "Have podcasts that are followed checked at once", "refresh"),
    "pause": Listed(OPERATE, "", "Grant no new leases; downloads in progress continue", "pause"),
    "resume": Listed(OPERATE, "", "Grant leases again after a pause", "resume"),
    "retry": Listed(OPERATE, "[ID...]", "Queue again what failed: some, those of a class, or all", "retry"),
    "forget": Listed(OPERATE, "ID...", "Do not download episodes again whose files were removed", "forget"),
    "status": Listed(LOOK, "", "Show the queue by state, the nodes, and what failed", "status"),
    "failed": Listed(LOOK, "", "List what failed, and why", "failed"),
    "podcasts": Listed(LOOK, "", "List the podcasts: episodes by state, bytes, last visit, newest", "podcasts"),
    "episodes": Listed(LOOK, "ID", "List the episodes of a podcast: state, size, file, reason", "episodes"),
    "site-check": Listed(LOOK, "FILE URL", "Show what the site that a TOML file describes finds on a page"),
    "parse": Listed(SCRAPYS, "URL", "Show what podcrawler finds in a page"),
    "fetch": Listed(SCRAPYS, "URL", "Print a page as podcrawler receives it"),
    "view": Listed(SCRAPYS, "URL", "Open a page in a browser as podcrawler receives it"),
    "shell": Listed(SCRAPYS, "[URL]", "Open Scrapy's shell with a page"),
    "list": Listed(SCRAPYS, "", "List the spiders"),
    "check": Listed(SCRAPYS, "[SPIDER]...", "Check the contracts of spiders"),
    "settings": Listed(SCRAPYS, "", "Print the value of a setting"),
    "runspider": Listed(SCRAPYS, "FILE", "Run a spider of your own that is in a file"),
    "version": Listed(ABOUT, "", "Print the versions of podcrawler and of what it runs on", "version"),
    "completion": Listed(ABOUT, "bash|zsh|tcsh", "Print a script that completes commands and options", "completion"),
    "help": Listed(ABOUT, "[COMMAND]", "Show this list, or the help of a command", "help"),
}
