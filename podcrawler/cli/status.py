"""``status``: the queue by state, the nodes and what they are downloading, what waits for its host, and what failed."""

import argparse
from dataclasses import asdict
from itertools import islice

from rich.filesize import decimal

from podcrawler.calling import called
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.fleet.status import Status, read_status
from podcrawler.fleet.waiting import standing, waiting
from podcrawler.namespace import AnySettings
from podcrawler.printing import json_line, say
from podcrawler.queue.overview import InHand, Report
from podcrawler.sites.accounting import Account

#: Podcasts whose accounts are shown.
_ACCOUNTS = 20
#: Seconds without a report after which that is told: nodes report twice a second.
_SILENCE = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print one JSON object")
    shown.add_argument("--watch", action="store_true", help="show it again every two seconds, until Ctrl-C")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    if options.watch:
        from podcrawler.cli.watch import watch

        watch(settings, _lines)
    with archive_redis(settings) as redis:
        status = read_status(settings, redis)
    if options.json:
        say(json_line(status.to_json()))
    else:
        for line in _lines(status):
            say(line)
    return 0


def _lines(status: Status) -> list[str]:
    episodes = ", ".join(f"{count} {state}" for state, count in asdict(status.queue).items())
    pages = ", ".join(f"{count} {state}" for state, count in asdict(status.pages).items() if state != "finished")
    failures = ", ".join(f"{count} {kind}" for kind, count in status.failures.items())
    lines = [f"episodes: {episodes}", f"pages:    {pages}", f"podcasts: {status.podcasts}"]
    lines += [f"failures: {failures}"] if failures else []
    lines += _accounts(status.accounts)
    lines += [f"paused: nodes start nothing new until `{called()} resume`"] if status.paused else []
    lines += [waiting(wait) for wait in status.hosts]
    lines += [standing(queue, unreported) for queue, unreported in status.unreported.items()]
    for node in status.nodes:
        lines += [_node(node), *(f"    {_in_hand(episode)}" for episode in node.in_hand)]
    return lines if status.nodes else [*lines, "no node is running"]


def _accounts(accounts: dict[str, Account]) -> list[str]:
    lines = [f"podcast {podcast_id}: {account}" for podcast_id, account in islice(accounts.items(), _ACCOUNTS)]
    more = len(accounts) - len(lines)
    return [*lines, f"and {more} more podcasts with entries that are no episodes (--json)"] if more else lines


def _node(node: Report) -> str:
    minutes = (node.seen - node.started) / 60
    done = f"{node.finished} finished ({decimal(node.bytes)}), {node.failed} failed"
    transfers = len(node.in_hand) if node.transfers is None else node.transfers
    line = f"node {node.name} ({node.spider}, {minutes:.0f} min): {done}, {transfers} in hand{_doing(node)}"
    line += f"; {node.complaint}" if node.complaint else ""
    return f"{line}; it has not reported for {node.age:.0f} s" if node.age >= _SILENCE else line


def _doing(node: Report) -> str:
    match node.state:
        case "draining":
            return "; it is stopping, and finishes what it has begun"
        case "stopping":
            return "; it is stopping"
        case "waiting" if not node.holds_off:
            return "; it waits for something to do"
        case _:
            return f"; it takes nothing up for now: {node.holds_off}" if node.holds_off else ""


def _in_hand(episode: InHand) -> str:
    of = decimal(episode.expected) if episode.expected is not None else "?"
    rate = f", {decimal(round(episode.rate))}/s" if episode.rate else ""
    return f"{episode.key} {episode.title}: {decimal(episode.received)} of {of}{rate}"
