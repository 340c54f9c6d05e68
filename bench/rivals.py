"""The programs that podcrawler is compared with: how to start each, and where its files are afterwards.

All use up to eight concurrent transfers, except wget, which has one. A program that is not installed is left out.
"""

import json
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.nginx import Host
from bench.node import Sandbox
from podcrawler import __version__

CONCURRENCY = 8

#: As in the documentation of both; closed by the item count, because scrapy-redis cannot tell when all work is done.
_SCRAPY_REDIS = """
    import scrapy
    from scrapy_redis.spiders import RedisSpider

    class Files(RedisSpider):
        name = "files"
        custom_settings = {
            "SCHEDULER": "scrapy_redis.scheduler.Scheduler",
            "DUPEFILTER_CLASS": "scrapy_redis.dupefilter.RFPDupeFilter",
            "ITEM_PIPELINES": {"scrapy.pipelines.files.FilesPipeline": 1},
            "FILES_STORE": "files",
            "CONCURRENT_REQUESTS_PER_DOMAIN": CONCURRENCY,
            "CLOSESPIDER_ITEMCOUNT": FILES,
            "DOWNLOAD_VERIFY_CERTIFICATES": True,
            "DOWNLOAD_WARNSIZE": 0,
            "LOG_LEVEL": "WARNING",
        }

        async def start(self):
            for request in self.next_requests():
                yield request

        def parse(self, response):
            for enclosure in response.xpath("//enclosure"):
                yield {"file_urls": [enclosure.attrib["url"]]}
"""
_SCRAPY_ALONE = """\
    import sys

    from scrapy import Spider
    from scrapy.crawler import AsyncCrawlerProcess

    class Feed(Spider):
        name = "feed"
        start_urls = sys.argv[1:]

        def parse(self, response):
            assert response.body

    process = AsyncCrawlerProcess({"LOG_LEVEL": "WARNING", "TELNETCONSOLE_ENABLED": False})
    process.crawl(Feed)
    process.start()
"""


@dataclass(frozen=True, slots=True)
class Job:
    """Files to download into a sandbox: the ones that ``host`` serves under ``name``."""

    sandbox: Sandbox
    host: Host
    name: str
    scheme: str
    files: int

    @property
    def feed(self) -> str:
        """URL of the feed."""
        return self.host.feed(self.name, self.scheme)

    @property
    def address(self) -> str:
        """URL of the folder with the files, without a trailing slash."""
        return f"{self.host.addresses[self.scheme]}/{self.name}"

    @property
    def certificate(self) -> str:
        """Path of the certificate to trust."""
        return str(self.host.certificate)

    def list_urls(self) -> str:
        """Write a file with one URL per line; returns its name in the sandbox."""
        urls = "".join(f"{self.address}/{number}.mp3\n" for number in range(self.files))
        (self.sandbox.folder / "urls").write_text(urls)
        return "urls"

    @property
    def trust(self) -> dict[str, str]:
        """Environment variables with the certificate to trust: OpenSSL's and that of requests."""
        return {"SSL_CERT_FILE": self.certificate, "REQUESTS_CA_BUNDLE": self.certificate}


@dataclass(frozen=True, slots=True)
class Program:
    """A program to measure."""

    name: str
    version: str
    command: Callable[[Job], Sequence[str]]
    #: Glob of the downloaded files, relative to the folder of the sandbox; empty if there are none.
    pattern: str

    def start(self, job: Job) -> "subprocess.Popen[bytes]":
        """Start the program in the sandbox of the job."""
        (job.sandbox.folder / "files").mkdir()
        # podcast-archiver writes a file into the home directory.
        variables: Mapping[str, str] = {**job.trust, "HOME": str(job.sandbox.folder)}
        return job.sandbox.spawn(self.command(job), variables)


def podcrawler() -> Program:
    """One episodes node, which reads the feed too."""

    def command(job: Job) -> list[str]:
        options = ["-a", f"address={job.feed}", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1"]
        return [sys.executable, "-m", "podcrawler", "crawl", "episodes", *options]

    return Program("podcrawler", __version__, command, "archive/*/*.mp3")


def podcast_archiver(folder: Path, concurrency: int = CONCURRENCY) -> Program | None:
    """podcast-archiver from PyPI, installed below ``folder`` if it is missing; None if that fails."""
    home = folder / "podcast-archiver"
    executable = home / "bin" / "podcast-archiver"
    if not executable.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
            subprocess.run([home / "bin" / "pip", "install", "--quiet", "podcast-archiver"], check=True)
        except (OSError, subprocess.CalledProcessError):
            return None

    def command(job: Job) -> list[str]:
        options = ["--concurrency", str(concurrency), "--quiet", "--dir", "files", "--database", "files.db"]
        return [str(executable), *options, "--feed", job.feed]

    return Program("podcast-archiver", _version([str(executable), "--version"]), command, "files/*/*.mp3")


def scrapy_redis() -> Program:
    """Scrapy's FilesPipeline on scrapy-redis, without podcrawler."""

    def command(job: Job) -> list[str]:
        constants = f"CONCURRENCY, FILES = {CONCURRENCY}, {job.files}\n"
        (job.sandbox.folder / "spider.py").write_text(constants + textwrap.dedent(_SCRAPY_REDIS))
        # scrapy-redis also takes a bare URL as a seed, but that form is deprecated.
        job.sandbox.redis.lpush("files:start_urls", json.dumps({"url": job.feed}))
        settings = ["-s", f"REDIS_URL={job.sandbox.environment['REDIS_URL']}"]
        return [sys.executable, "-m", "scrapy", "runspider", "spider.py", *settings]

    return Program("Scrapy FilesPipeline on scrapy-redis", _scrapy_version(), command, "files/full/*.mp3")


def scrapy_alone() -> Program:
    """Scrapy as a program that asks for the feed, and does nothing with it: no Redis, no files, no record."""

    def command(job: Job) -> list[str]:
        (job.sandbox.folder / "alone.py").write_text(textwrap.dedent(_SCRAPY_ALONE))
        return [sys.executable, "alone.py", job.feed]

    return Program("Scrapy, the feed alone", _scrapy_version(), command, "")


def downloaders() -> dict[str, Program | None]:
    """General downloaders, which get a list of URLs, by name; None for those that are not installed."""

    def aria2c(job: Job) -> list[str]:
        options = ["-x1", "-s1", "--quiet", f"--ca-certificate={job.certificate}", "--dir=files"]
        return ["aria2c", f"-j{CONCURRENCY}", *options, f"--input-file={job.list_urls()}"]

    def curl(job: Job) -> list[str]:
        options = ["--silent", "--show-error", "--fail", "--cacert", job.certificate, "--output-dir", "files"]
        concurrency = ["--parallel", "--parallel-max", str(CONCURRENCY), "--remote-name-all"]
        return ["curl", *concurrency, *options, f"{job.address}/[0-{job.files - 1}].mp3"]

    def wget(job: Job) -> list[str]:
        options = ["--no-verbose", f"--ca-certificate={job.certificate}", "--directory-prefix=files"]
        return ["wget", *options, f"--input-file={job.list_urls()}"]

    commands: dict[str, Callable[[Job], list[str]]] = {"aria2c": aria2c, "curl": curl, "wget": wget}
    return {
        name: Program(name, _version([name, "--version"]), command, "files/*.mp3") if shutil.which(name) else None
        for name, command in commands.items()
    }


def _scrapy_version() -> str:
    return _version([sys.executable, "-m", "scrapy", "version"])


def _version(command: Sequence[str]) -> str:
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+(\.\d+)+", output)
    return found[0] if found else "of unknown version"
