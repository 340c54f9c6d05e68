"""``status --watch``: the status again and again, until Ctrl-C. On a terminal it has the screen; elsewhere each comes
after the one before."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from podcrawler.cli.looking import archive_redis
from podcrawler.exceptions import RedisError
from podcrawler.fleet.status import Status, read_status
from podcrawler.namespace import AnySettings
from podcrawler.printing import printable, say

#: Seconds between two looks.
_INTERVAL = 2.0

Show = Callable[[Sequence[str]], None]


def watch(settings: AnySettings, lines: Callable[[Status], Sequence[str]]) -> NoReturn:
    """Show the lines of the status until Ctrl-C. A Redis that goes away meanwhile is told, and waited for; one that is
    not there at first raises RedisError."""
    has_been_there = False
    with _screen() as show:
        while True:
            try:
                with archive_redis(settings) as redis:
                    while True:
                        status = read_status(settings, redis)
                        has_been_there = True
                        show(lines(status))
                        time.sleep(_INTERVAL)
            except RedisError as error:
                if not has_been_there:
                    raise
                show([str(error)])
                time.sleep(_INTERVAL)


@contextmanager
def _screen() -> Iterator[Show]:
    """What shows lines in place of those before, or after them where standard output is no terminal."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        yield _print
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:

        def show(lines: Sequence[str]) -> None:
            text = "\n".join(map(printable, lines))
            live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)

        yield show


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        say(line)
    # Whoever reads a pipe sees it now.
    print(flush=True)
