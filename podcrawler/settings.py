"""All wiring: Scrapy's settings as podcrawler needs them, and every setting of its own with its default.

``REDIS_URL``, ``FILES_STORE`` and every ``PODCRAWLER_*`` can also be given as environment variables; ``-s NAME=VALUE``
comes before both. docs/settings.md says what each is for.
"""

import os

from scrapy.settings import default_settings

BOT_NAME = "podcrawler"
SPIDER_MODULES = ["podcrawler.spiders"]
NEWSPIDER_MODULE = "podcrawler.spiders"
COMMANDS_MODULE = "podcrawler.commands"
# A node is busy with many small things at once, and uvloop is quicker at them than asyncio's own loop.
ASYNCIO_EVENT_LOOP = "uvloop.Loop"
USER_AGENT = "podcrawler (a podcast archiver; on behalf of one listener)"

# Where things are.
FILES_STORE = "archive"
REDIS_URL = None
PODCRAWLER_STATE_DIR = ""
PODCRAWLER_SPOOL_DIR = ""
PODCRAWLER_NAMESPACE = "podcrawler"
PODCRAWLER_NODE_NAME = ""

# How the web is reached.
PODCRAWLER_PROXY = ""
PODCRAWLER_USER_AGENTS = ""
PODCRAWLER_INSECURE_HOSTS = ""

# What a media file may take (DOWNLOAD_TIMEOUT and DOWNLOAD_MAXSIZE are for feeds and pages).
PODCRAWLER_CONNECT_TIMEOUT = 30
PODCRAWLER_IDLE_TIMEOUT = 60
PODCRAWLER_MIN_RATE = 1000
PODCRAWLER_MIN_SIZE = 1
PODCRAWLER_MAX_SIZE = 4 * 1024 * 1024 * 1024
PODCRAWLER_MIN_FREE = 1024 * 1024 * 1024

# How much a node does at once.
PODCRAWLER_CONCURRENT_EPISODES = 8
PODCRAWLER_CONCURRENT_PAGES = 4

# The queue.
PODCRAWLER_LEASE_TIME = 120
PODCRAWLER_HEARTBEAT = 15
PODCRAWLER_MAX_TRIES = 5
PODCRAWLER_MAX_EXPIRIES = 20
PODCRAWLER_RETRY_DELAY = 2
PODCRAWLER_MAX_RETRY_DELAY = 3600
PODCRAWLER_VISIT_SECONDS = 86400

# How a node ends.
PODCRAWLER_EXIT_WHEN_DONE = False
PODCRAWLER_SHUTDOWN_GRACE = 30
PODCRAWLER_SUPERVISOR_PID = 0

SCHEDULER = "podcrawler.queue.scheduler.Scheduler"
SCHEDULER_SERIALIZER = "podcrawler.queue.codec"
SCHEDULER_PERSIST = True

# The queue retries, and nothing else does: it knows the tries of all nodes.
RETRY_ENABLED = False
DOWNLOADER_MIDDLEWARES = {
    "podcrawler.queue.stream.DirectEpisodeMiddleware": 10,
    "podcrawler.http.auth.LoginMiddleware": 310,
    # Where these stand, podcrawler's own stand in for them.
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": None,
    "podcrawler.http.auth.UserAgentMiddleware": 500,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "podcrawler.http.redirects.RedirectMiddleware": 600,
    "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": None,
    "podcrawler.http.proxy.ProxyMiddleware": 750,
}
DOWNLOADER = "podcrawler.scrapy_internals.Downloader"
DOWNLOAD_HANDLERS = {
    "http": "podcrawler.http.handler.DownloadHandler",
    "https": "podcrawler.http.handler.DownloadHandler",
    # Feeds and pages are hostile input: nothing but the web is fetched for them.
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}
DOWNLOAD_VERIFY_CERTIFICATES = True
HTTPPROXY_AUTH_ENCODING = "utf-8"
# Bounds what is held in memory, feeds and pages; media files are streamed to disk.
DOWNLOAD_MAXSIZE = 64 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
# An address may hold a signature or a listener's token: other hosts are told the host alone, as browsers do.
REFERRER_POLICY = "strict-origin-when-cross-origin"
# Signed addresses are long, and one that Scrapy left out would never come to an end.
URLLENGTH_LIMIT = 0
ITEM_PIPELINES = {"podcrawler.media.pipeline.EpisodeFilesPipeline": 500}
FEED_EXPORT_ENCODING = "utf-8"
# Among Scrapy's own, so that a user's EXTENSIONS come on top of it.
EXTENSIONS_BASE = {**default_settings.EXTENSIONS_BASE, "podcrawler.fleet.report.NodeReport": 0}

# Doors into a running node that nobody asked for.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

LOG_LEVEL = "INFO"
# They take a fifth of Scrapy's time for a request, and do not see what is streamed to disk.
DOWNLOADER_STATS = False
STATS_CLASS = "podcrawler.stats.StatsCollector"
LOGSTATS_INTERVAL = 0

globals().update(
    {
        name: os.environ[name]
        for name in tuple(globals())
        if (name.startswith("PODCRAWLER_") or name in ("REDIS_URL", "FILES_STORE")) and os.environ.get(name)
    }
)
