"""Peak memory of a node for large files, compared with Scrapy's own FilesPipeline on the same files."""

import json
import textwrap

from bench.node import Sandbox, open_sandbox, wait
from bench.result import Options, Result
from tests.origin import running

FILES, SIZE = 12, 100_000_000

#: A spider as in Scrapy's documentation, with the same number of concurrent downloads.
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


def measure(options: Options) -> Result:
    """twelve files of 100 MB: peak memory of one process, compared with Scrapy's FilesPipeline"""
    size = SIZE // 10 if options.small else SIZE
    with running() as origin:
        with open_sandbox() as sandbox:
            feed = f"{origin.address}/feed.xml?episodes={FILES}&size={size}"
            start = ("podcrawler", "crawl", "episodes", "-a", f"address={feed}", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
            (ours,) = wait([sandbox.start(*start)])
            _check(sandbox, "archive/*/*.mp3", size)
        with open_sandbox() as sandbox:
            urls = [f"{origin.address}/bytes/{size}.mp3?seed={number}" for number in range(FILES)]
            script = sandbox.folder / "files.py"
            script.write_text(f"URLS = {json.dumps(urls)}\n{textwrap.dedent(_SCRAPY)}")
            (theirs,) = wait([sandbox.start("scrapy", "runspider", str(script))])
            _check(sandbox, "files/full/*.mp3", size)
    return Result(
        title="Memory for large files",
        about=f"{FILES} files of {size / 1e6:g} MB: the peak resident memory of one process, in a single run.",
        commands=["podcrawler crawl episodes -s PODCRAWLER_EXIT_WHEN_DONE=1", "scrapy runspider files.py"],
        head=("program", "memory, MB", "seconds"),
        rows=[
            ("podcrawler", f"{ours.megabytes:.0f}", f"{ours.seconds:.1f}"),
            ("Scrapy's FilesPipeline", f"{theirs.megabytes:.0f}", f"{theirs.seconds:.1f}"),
        ],
        findings=[
            f"{ours.megabytes / theirs.megabytes:.2f} times the memory and {ours.seconds / theirs.seconds:.2f} times "
            "the time of Scrapy's."
        ],
    )


def _check(sandbox: Sandbox, pattern: str, size: int) -> None:
    sizes = [path.stat().st_size for path in sandbox.folder.glob(pattern)]
    assert sizes == [size] * FILES, sizes
