"""``publish [ID...]``: writes feeds and web pages of the archive, or keeps a tree of its files under other names."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from podcrawler.cli.on_disk import check_known, opened_catalog
from podcrawler.cli.parsers import add_common_options
from podcrawler.exceptions import UsageError
from podcrawler.namespace import AnySettings
from podcrawler.printing import say

if TYPE_CHECKING:
    from podcrawler.publish.addresses import BaseUrl
    from podcrawler.publish.places import Place
    from podcrawler.publish.template import Template


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("podcasts", nargs="*", metavar="ID", help="the podcasts (else: all)")
    parser.add_argument(
        "--base-url", type=_base, metavar="URL", help="write feeds; the address of the archive's folder on the web"
    )
    parser.add_argument("--pages", action="store_true", help="write web pages with players and a search")
    parser.add_argument(
        "--serve",
        type=_place,
        nargs="?",
        const=_place("127.0.0.1:8000"),
        metavar="ADDRESS",
        help="then serve the folder, at 127.0.0.1:8000",
    )
    parser.add_argument(
        "--tree",
        type=_template,
        metavar="TEMPLATE",
        help="link the files under names such as '{podcast}/{year}/{date} {title}.{ext}'",
    )
    parser.add_argument("--tags", action="store_true", help="make a tree of copies, with tags in them")
    parser.add_argument("--nfo", action="store_true", help="with what Kodi and Jellyfin read beside files of a tree")
    parser.add_argument("--to", type=Path, metavar="DIR", help="where it goes (else, but for a tree: into the archive)")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    is_for_web = options.base_url is not None or options.pages or options.serve is not None
    if is_for_web == (options.tree is not None):
        raise UsageError(
            "publish writes feeds (--base-url https://example.com/archive/) and web pages (--pages), which it can "
            "--serve; or a tree (--tree '{podcast}/{date} {title}.{ext}' --to DIR), which goes with none of these."
        )
    catalog, there = opened_catalog(settings)
    check_known(options.podcasts, there)
    root, podcasts = catalog.root, list(dict.fromkeys(options.podcasts)) or there
    if options.tree is not None:
        return _grow_tree(settings, root, podcasts, options)
    if options.tags or options.nfo:
        raise UsageError("--tags and --nfo are for a tree: --tree '{podcast}/{date} {title}.{ext}' --to DIR.")
    target = options.to or root
    target.mkdir(parents=True, exist_ok=True)
    status = 0
    if options.base_url is not None:
        status |= _write_feeds(settings, root, target, options.base_url, podcasts)
    if options.pages:
        status |= _write_pages(settings, root, target, podcasts)
    if options.serve is not None:
        from podcrawler.publish.server import serve

        folders = [target] if target == root else [target, root]
        serve(folders, options.serve, str(settings.get("PODCRAWLER_PUBLISH_PASSWORD") or ""))
    return status


def _write_pages(settings: AnySettings, root: Path, target: Path, podcasts: Iterable[str]) -> int:
    from podcrawler.publish.index import Cache
    from podcrawler.publish.pages import PagePublisher
    from podcrawler.redis.connection import state_dir

    done = PagePublisher(root, target, Cache(state_dir(settings))).publish(podcasts)
    for sentence in done.left_out:
        say(f"left out: {sentence}")
    say(
        f"Pages of {_count(done.podcasts, 'podcast')} and {_count(done.episodes, 'episode')}; "
        f"{_count(done.written, 'file')} written, {done.unchanged} unchanged."
    )
    return 1 if done.left_out else 0


def _grow_tree(settings: AnySettings, root: Path, podcasts: Iterable[str], options: argparse.Namespace) -> int:
    from podcrawler.publish.index import Cache
    from podcrawler.publish.named import NamedFiles, Naming
    from podcrawler.publish.tree import Tree
    from podcrawler.redis.connection import state_dir

    target: Path | None = options.to
    naming = Naming(options.tree, with_tags=options.tags, with_nfo=options.nfo)
    if target is None:
        raise UsageError("A tree needs a folder of its own: --to DIR.")
    here, there = root.resolve(), target.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise UsageError(
            f"The tree in {target} and the archive in {root} would be one in the other; give --to a folder beside the "
            "archive."
        )
    if naming.with_nfo and not naming.template.depth_of_podcast:
        raise UsageError(
            "--nfo needs a folder for each podcast, because Kodi and Jellyfin take a folder for a show: begin the "
            "template with {podcast}/."
        )
    if naming.with_tags:
        # It says what is not installed, before anything is made.
        from podcrawler.publish import tagging  # noqa: F401
    files = NamedFiles(root, naming, Cache(state_dir(settings)))
    grown = Tree(target).update(file for podcast_id in podcasts for file in files.of(podcast_id))
    for sentence in (*files.left_out, *grown.left_out):
        say(f"left out: {sentence}")
    for sentence in grown.notes:
        say(sentence)
    if files.untagged:
        told = ", ".join(f"{count} {extension}" for extension, count in sorted(files.untagged.items()))
        say(f"Without new tags, because podcrawler writes none into such files: {told}.")
    copies = f" ({grown.copied} as copies)" if grown.copied else ""
    say(f"{_count(grown.made, 'file')} made{copies}, {grown.removed} removed, {grown.unchanged} unchanged.")
    return 1 if files.left_out or grown.left_out else 0


def _write_feeds(settings: AnySettings, root: Path, target: Path, base: "BaseUrl", podcasts: Iterable[str]) -> int:
    # It imports lxml, which the help does without.
    from podcrawler.publish.feed import FIRST
    from podcrawler.publish.feeds import FeedPublisher
    from podcrawler.publish.index import Cache
    from podcrawler.redis.connection import state_dir

    publisher = FeedPublisher(root, target, base, Cache(state_dir(settings)))
    episodes = written = unchanged = left_out = 0
    for podcast_id in podcasts:
        outcome = publisher.publish(podcast_id)
        for sentence in outcome.left_out:
            say(f"left out: {podcast_id}/{sentence}")
        left_out += len(outcome.left_out)
        if outcome.written or outcome.unchanged:
            say(f"{podcast_id}: {_count(outcome.episodes, 'episode')}, {base.of(podcast_id, FIRST)}")
        episodes += outcome.episodes
        written += outcome.written
        unchanged += outcome.unchanged
    is_new = publisher.list_feeds()
    written, unchanged = written + is_new, unchanged + (not is_new)
    say(f"{_count(episodes, 'episode')}; {_count(written, 'file')} written, {unchanged} unchanged.")
    return 1 if left_out else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _base(given: str) -> "BaseUrl":
    from podcrawler.publish.addresses import BaseUrl

    try:
        return BaseUrl.read(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{given} cannot be the address of the archive: {error}") from None


def _place(given: str) -> "Place":
    from podcrawler.publish.places import Place

    try:
        return Place.read(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{given} cannot be listened on: {error}") from None


def _template(given: str) -> "Template":
    from podcrawler.publish.template import Template

    try:
        return Template.read(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{given} cannot be a template: {error}") from None
