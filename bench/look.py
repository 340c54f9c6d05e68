"""How long the commands take that look at an archive: whole programs, from the start of the process to its end."""

import compileall
import statistics
import subprocess
import sys
import time
from pathlib import Path

import podcrawler
from bench.node import Sandbox, open_sandbox
from bench.result import Options, Result
from podcrawler import settings
from podcrawler.exceptions import FetchError
from podcrawler.items import Enclosure, Episode
from podcrawler.queue import codec
from podcrawler.queue.acks import give_up
from podcrawler.queue.archive import Archive
from podcrawler.queue.broker import Broker
from podcrawler.queue.entries import entry_of, episode_request
from podcrawler.queue.keys import Keys
from podcrawler.queue.overview import InHand, Report
from podcrawler.queue.requests import request_to_dict

_TIMES = 10
_SCRAPY = "python -c 'import scrapy'"
#: The most that a command may take where importing Scrapy takes 0.45 s.
_MOST = 0.35 / 0.45
_AT_WORK = "podcrawler status, a node at work"
_PROGRAMS = {
    _SCRAPY: ["-c", "import scrapy"],
    "podcrawler status": ["-m", "podcrawler", "status"],
    _AT_WORK: ["-m", "podcrawler", "status"],
    "podcrawler failed": ["-m", "podcrawler", "failed"],
    "podcrawler podcasts": ["-m", "podcrawler", "podcasts"],
    "podcrawler episodes show": ["-m", "podcrawler", "episodes", "show"],
    "podcrawler --help": ["-m", "podcrawler", "--help"],
    "podcrawler --version": ["-m", "podcrawler", "--version"],
}


def measure(options: Options) -> Result:
    """the commands that look at an archive, beside importing Scrapy"""
    # A checkout may be used without writing bytecode; what is installed has it.
    compileall.compile_dir(Path(podcrawler.__file__).parent, quiet=1)
    with open_sandbox() as sandbox:
        _fill(sandbox)
        times = _measured(sandbox, 1 if options.small else _TIMES)
    scrapy = min(times[_SCRAPY])
    slow = [name for name, measured in times.items() if name != _SCRAPY and min(measured) > _MOST * scrapy]
    return Result(
        title="Looking at an archive",
        about=(
            "Whole programs, from the start of the process to its end, in turns, with a Redis that has 20 failed "
            f"episodes; {len(times[_SCRAPY])} runs of each. The target is {_MOST:.2f} of what importing Scrapy takes."
        ),
        commands=[],
        head=("program", "best, ms", "median, ms", "best to importing Scrapy"),
        rows=[
            (
                name,
                f"{min(measured) * 1000:.0f}",
                f"{statistics.median(measured) * 1000:.0f}",
                f"{min(measured) / scrapy:.2f}",
            )
            for name, measured in times.items()
        ],
        findings=[f"{name} misses the target." for name in slow] or ["All meet the target."],
    )


def _fill(sandbox: Sandbox) -> None:
    """Have 20 episodes fail."""
    queue = Broker.from_settings({**vars(settings)}, sandbox.redis, "episodes")
    for number in range(20):
        episode = Episode(f"episode-{number}", "show", f"Episode {number}", Enclosure("http://example.com/1.mp3"))
        request = episode_request(episode)
        queue.push_many([entry_of(request, codec.dumps(request_to_dict(request)))])
        (lease,) = queue.lease(queue.new_tokens(1)).leases
        queue.acknowledge(
            [give_up(lease, FetchError("http-404", "example.com answered 404 Not Found."), tries=1, delay=0)]
        )


def _measured(sandbox: Sandbox, times: int) -> dict[str, list[float]]:
    """Seconds of each run, by program."""
    archive = Archive(sandbox.redis, Keys())
    now = time.time()
    report = Report("one", "episodes", 1, "here", now - 60, now, 3, 0, 10**6, (InHand("show/1", "One", 10**6, 10**7),))
    found: dict[str, list[float]] = {name: [] for name in _PROGRAMS}
    for _ in range(times):
        for name, words in _PROGRAMS.items():
            if name == _AT_WORK:
                archive.write_report(report)
            else:
                archive.remove_report(report.name)
            started = time.monotonic()
            subprocess.run(
                [sys.executable, *words],
                cwd=sandbox.folder,
                env=sandbox.environment,
                stdout=subprocess.DEVNULL,
                check=True,
            )
            found[name].append(time.monotonic() - started)
    return found
