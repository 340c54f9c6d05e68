"""How much memory a node takes for large files, beside Scrapy's own FilesPipeline on the same files."""

import json
import textwrap

from bench.node import Place, Usage, place, wait
from tests.origin import running

FILES, SIZE = 12, 100_000_000

#: Scrapy as its documentation shows it, with the same number of downloads at once.
_SCRAPY = """
    import scrapy

    class Files(scrapy.Spider):
        name = "files"
        custom_settings = {
            "ITEM_PIPELINES": {"scrapy.pipelines.files.FilesPipeline": 1},
            "FILES_STORE": "files",
            "DOWNLOAD_WARNSIZE": 0,
            "LOG_LEVEL": "WARNING",
        }

        async def start(self):
            yield {"file_urls": URLS}
"""


def measure() -> None:
    """twelve files of 100 MB: peak memory of one process"""
    with running() as origin:
        with place() as here:
            here.redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes={FILES}&size={SIZE}")
            (ours,) = wait([here.start("podcrawler", "crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")])
            _check(here, "archive/*/*.mp3")
        with place() as here:
            urls = [f"{origin.address}/bytes/{SIZE}.mp3?seed={number}" for number in range(FILES)]
            script = here.folder / "files.py"
            script.write_text(f"URLS = {json.dumps(urls)}\n{textwrap.dedent(_SCRAPY)}")
            (theirs,) = wait([here.start("scrapy", "runspider", str(script))])
            _check(here, "files/full/*.mp3")
    _print("podcrawler", ours)
    _print("Scrapy's FilesPipeline", theirs)
    print(f"ratio of memory: {ours.megabytes / theirs.megabytes:.2f}; of time: {ours.seconds / theirs.seconds:.2f}")


def _check(here: Place, pattern: str) -> None:
    sizes = [path.stat().st_size for path in here.folder.glob(pattern)]
    assert sizes == [SIZE] * FILES, sizes


def _print(name: str, usage: Usage) -> None:
    print(f"{name}: {usage.megabytes:.0f} MB at most, {usage.seconds:.1f} s")
