"""``merge``: says that a podcast, or an address, is the same as another podcast."""

import argparse

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from typing_extensions import override

from podcrawler.commands import archive_redis, explained
from podcrawler.library.merging import merge
from podcrawler.printing import say


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    @override
    def syntax(self) -> str:
        return "[options] ID|ADDRESS INTO"

    @override
    def short_desc(self) -> str:
        return "Say that a podcast, or an address, is the same as another podcast, which it becomes a part of"

    @explained
    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 2:
            raise UsageError("merge needs two podcasts, each by id or address: the one that goes, and the one to keep")
        assert self.settings is not None
        with archive_redis(self.settings, start=True) as redis:
            merged = merge(self.settings, redis, *args)
        if "://" in merged.gone:
            say(f"{merged.gone} leads to {merged.kept} now.")
            return
        left = f"; {merged.left} stay, because {merged.kept} has these episodes" if merged.left else ""
        say(
            f"{merged.gone} is part of {merged.kept} now: {merged.episodes} episodes more, {merged.moved} files moved"
            f"{left}."
        )
