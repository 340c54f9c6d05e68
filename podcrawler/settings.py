"""Every setting of podcrawler with its default, and the values of Scrapy's settings that podcrawler changes.

addon.py adds the components (middlewares, pipelines, handlers). An environment variable overrides ``REDIS_URL``,
``FILES_STORE`` and every ``PODCRAWLER_*``, and ``-s NAME=VALUE`` overrides both. docs/settings.md describes each.
"""

import os

import podcrawler

BOT_NAME = "podcrawler"
SPIDER_MODULES = ["podcrawler.spiders"]
NEWSPIDER_MODULE = "podcrawler.spiders"
COMMANDS_MODULE = "podcrawler.commands"
ADDONS = {"podcrawler.addon.Addon": 0}
# Faster than asyncio's own loop at many small transfers.
ASYNCIO_EVENT_LOOP = "uvloop.Loop"
USER_AGENT = podcrawler.USER_AGENT

# Locations.
FILES_STORE = "archive"
REDIS_URL = None
PODCRAWLER_STATE_DIR = ""
PODCRAWLER_SPOOL_DIR = ""
PODCRAWLER_TRASH = ".trash"
PODCRAWLER_SIDECARS = True
PODCRAWLER_VISITS_SIZE = 10_000_000
PODCRAWLER_BESIDE = ""
PODCRAWLER_MTIME = "now"
PODCRAWLER_NAMESPACE = "podcrawler"
PODCRAWLER_NODE_NAME = ""
PODCRAWLER_SITES = ""
PODCRAWLER_PUBLISH_PASSWORD = ""

# HTTP.
PODCRAWLER_PROXY = ""
PODCRAWLER_CONTACT = ""
PODCRAWLER_USER_AGENTS = ""
PODCRAWLER_ROBOTS = True
PODCRAWLER_HOSTS = ""
PODCRAWLER_HOST_CONNECTIONS = 8
PODCRAWLER_HOST_RATE = 0
PODCRAWLER_RATE = 0
PODCRAWLER_INSECURE_HOSTS = ""
PODCRAWLER_ALLOW_HOSTS = ""

# Which files are media.
PODCRAWLER_MEDIA = "audio,video"
PODCRAWLER_ENCLOSURES = "first"

# Limits of feeds and list pages; DOWNLOAD_MAXSIZE is that of their bytes.
PODCRAWLER_MAX_ENTRIES = 100_000
PODCRAWLER_PARSE_TIME = 10

# Limits of media files. DOWNLOAD_TIMEOUT and DOWNLOAD_MAXSIZE are those of feeds and pages.
PODCRAWLER_CONNECT_TIMEOUT = 30
PODCRAWLER_IDLE_TIMEOUT = 60
PODCRAWLER_MIN_RATE = 1000
PODCRAWLER_MIN_SIZE = 1
PODCRAWLER_MAX_SIZE = 4 * 1024 * 1024 * 1024
PODCRAWLER_MIN_FREE = 1024 * 1024 * 1024

# Subscriptions.
PODCRAWLER_CHECK_MIN = 600
PODCRAWLER_CHECK_MAX = 2 * 86400
PODCRAWLER_CHECK_RATE = 10
PODCRAWLER_VERSIONS = "ignore"
PODCRAWLER_CHANGES = ""
PODCRAWLER_CHANGES_INTERVAL = 300

# Hooks.
PODCRAWLER_ON_FINISHED = ""
PODCRAWLER_ON_FAILED = ""
PODCRAWLER_ON_PODCAST_DEAD = ""
PODCRAWLER_HOOK_TIME = 300
PODCRAWLER_WEBHOOK = ""
PODCRAWLER_WEBHOOK_SECRET = ""

# Concurrency of a node.
PODCRAWLER_CONCURRENT_EPISODES = 8
PODCRAWLER_CONCURRENT_PAGES = 16

# The queue.
PODCRAWLER_LEASE_TIME = 120
PODCRAWLER_HEARTBEAT = 15
PODCRAWLER_MAX_TRIES = 5
PODCRAWLER_MAX_EXPIRIES = 20
PODCRAWLER_RETRY_DELAY = 2
PODCRAWLER_MAX_RETRY_DELAY = 3600
PODCRAWLER_MAX_PAGES = 1000
PODCRAWLER_VISIT_SECONDS = 86400

# When and how a node ends.
PODCRAWLER_EXIT_WHEN_DONE = False
PODCRAWLER_SHUTDOWN_GRACE = 30
PODCRAWLER_SUPERVISOR_PID = 0

# Not in addon.py: the commands check both before a crawler exists.
SCHEDULER = "podcrawler.queue.scheduler.Scheduler"
SCHEDULER_PERSIST = True

# Only the queue retries, because it counts the tries of all nodes.
RETRY_ENABLED = False

DOWNLOAD_VERIFY_CERTIFICATES = True
HTTPPROXY_AUTH_ENCODING = "utf-8"
# Feeds and pages are held in memory; media files are streamed to disk.
DOWNLOAD_MAXSIZE = 64 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
# A URL may hold a signature or a listener's token. Like browsers, send other hosts the origin only.
REFERRER_POLICY = "strict-origin-when-cross-origin"
# Signed URLs are long. Scrapy would drop the request in silence, and its entry would never end.
URLLENGTH_LIMIT = 0
FEED_EXPORT_ENCODING = "utf-8"

# Nobody asked for remote access to a running node.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

LOG_LEVEL = "INFO"
# Take a fifth of Scrapy's time for a request, and do not see what is streamed to disk.
DOWNLOADER_STATS = False
LOGSTATS_INTERVAL = 0

globals().update(
    {
        name: os.environ[name]
        for name in tuple(globals())
        if (name.startswith("PODCRAWLER_") or name in ("REDIS_URL", "FILES_STORE")) and os.environ.get(name)
    }
)
