"""The other programs that podcrawler is measured beside: how each is started, and what it leaves.

All have up to eight transfers at once, but for wget, which has one. A program that is not there is left out.
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
from bench.node import Place
from podcrawler import __version__

AT_ONCE = 8

#: As their documentation shows them; it ends with its last file, because scrapy-redis knows no end of the work.
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
            "CONCURRENT_REQUESTS_PER_DOMAIN": AT_ONCE,
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


@dataclass(frozen=True, slots=True)
class Job:
    """Files to download: those that a host serves under a name, into a place."""

    here: Place
    host: Host
    name: str
    scheme: str
    files: int

    @property
    def feed(self) -> str:
        return self.host.feed(self.name, self.scheme)

    @property
    def address(self) -> str:
        return f"{self.host.addresses[self.scheme]}/{self.name}"

    @property
    def certificate(self) -> str:
        return str(self.host.certificate)

    def list_urls(self) -> str:
        """The name of a file with one address a line."""
        urls = "".join(f"{self.address}/{number}.mp3\n" for number in range(self.files))
        (self.here.folder / "urls").write_text(urls)
        return "urls"

    @property
    def trust(self) -> dict[str, str]:
        """For programs that take it from the environment: OpenSSL's variable, and that of requests."""
        return {"SSL_CERT_FILE": self.certificate, "REQUESTS_CA_BUNDLE": self.certificate}


@dataclass(frozen=True, slots=True)
class Program:
    """A program that downloads."""

    name: str
    version: str
    command: Callable[[Job], Sequence[str]]
    #: Where the files are then, as a glob from the folder of the place.
    pattern: str

    def start(self, job: Job) -> "subprocess.Popen[bytes]":
        (job.here.folder / "files").mkdir()
        # podcast-archiver keeps a file in the home directory.
        variables: Mapping[str, str] = {**job.trust, "HOME": str(job.here.folder)}
        return job.here.spawn(self.command(job), variables)


def podcrawler() -> Program:
    def command(job: Job) -> list[str]:
        options = ["-a", f"address={job.feed}", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1"]
        return [sys.executable, "-m", "podcrawler", "crawl", "episodes", *options]

    return Program("podcrawler", __version__, command, "archive/*/*.mp3")


def podcast_archiver(folder: Path, at_once: int = AT_ONCE) -> Program | None:
    """podcast-archiver from PyPI, installed below ``folder`` unless it is there already."""
    home = folder / "podcast-archiver"
    executable = home / "bin" / "podcast-archiver"
    if not executable.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
            subprocess.run([home / "bin" / "pip", "install", "--quiet", "podcast-archiver"], check=True)
        except (OSError, subprocess.CalledProcessError):
            return None

    def command(job: Job) -> list[str]:
        options = ["--concurrency", str(at_once), "--quiet", "--dir", "files", "--database", "files.db"]
        return [str(executable), *options, "--feed", job.feed]

    return Program("podcast-archiver", _version([str(executable), "--version"]), command, "files/*/*.mp3")


def scrapy_redis() -> Program:
    """Scrapy's FilesPipeline on scrapy-redis, without podcrawler."""

    def command(job: Job) -> list[str]:
        constants = f"AT_ONCE, FILES = {AT_ONCE}, {job.files}\n"
        (job.here.folder / "spider.py").write_text(constants + textwrap.dedent(_SCRAPY_REDIS))
        # Both forms of a seed that scrapy-redis takes; this one is not deprecated.
        job.here.redis.lpush("files:start_urls", json.dumps({"url": job.feed}))
        settings = ["-s", f"REDIS_URL={job.here.environment['REDIS_URL']}"]
        return [sys.executable, "-m", "scrapy", "runspider", "spider.py", *settings]

    version = _version([sys.executable, "-m", "scrapy", "version"])
    return Program("Scrapy FilesPipeline on scrapy-redis", version, command, "files/full/*.mp3")


def downloaders() -> dict[str, Program | None]:
    """Those that know nothing of feeds and are given the addresses; None for those that are not on this machine."""

    def aria2c(job: Job) -> list[str]:
        options = ["-x1", "-s1", "--quiet", f"--ca-certificate={job.certificate}", "--dir=files"]
        return ["aria2c", f"-j{AT_ONCE}", *options, f"--input-file={job.list_urls()}"]

    def curl(job: Job) -> list[str]:
        options = ["--silent", "--show-error", "--fail", "--cacert", job.certificate, "--output-dir", "files"]
        at_once = ["--parallel", "--parallel-max", str(AT_ONCE), "--remote-name-all"]
        return ["curl", *at_once, *options, f"{job.address}/[0-{job.files - 1}].mp3"]

    def wget(job: Job) -> list[str]:
        options = ["--no-verbose", f"--ca-certificate={job.certificate}", "--directory-prefix=files"]
        return ["wget", *options, f"--input-file={job.list_urls()}"]

    commands: dict[str, Callable[[Job], list[str]]] = {"aria2c": aria2c, "curl": curl, "wget": wget}
    return {
        name: Program(name, _version([name, "--version"]), command, "files/*.mp3") if shutil.which(name) else None
        for name, command in commands.items()
    }


def _version(command: Sequence[str]) -> str:
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+(\.\d+)+", told)
    return found[0] if found else "of unknown version"
