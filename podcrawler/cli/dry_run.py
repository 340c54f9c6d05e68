"""What ``archive --dry-run`` prints: for each episode what would become of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.cells import cell_len
from rich.filesize import decimal

from podcrawler.printing import json_line, say
from podcrawler.spiders.preview import Foreseen, Outcome, Preview

#: By outcome.
_WORDS: dict[Outcome, str] = {
    "fetch": "fetch",
    "queued": "queued",
    "finished": "finished already",
    "failed": "failed",
    "removed": "not wanted (forget)",
    "left out": "left out",
}


def print_preview(preview: Preview, *, is_json: bool, is_newest_first: bool) -> int:
    """Print it; the exit status. Within a podcast episodes are in the order of their dates."""
    for address, error in preview.failures:
        say(f"cannot be read: {address} [{error.kind}]: {error}", is_error=True)
    for podcast_id, title in preview.podcasts.items():
        found = [one for one in preview.episodes.values() if one.podcast == podcast_id]
        found.sort(key=lambda one: one.published, reverse=is_newest_first)
        if is_json:
            for one in found:
                say(json_line(asdict(one)))
        else:
            say(f"{title or podcast_id}: {podcast_id}")
            for line in _table(found):
                say(line)
    if not is_json and preview.podcasts:
        say(_summary(list(preview.episodes.values())))
    if not preview.podcasts:
        return 2
    return 1 if preview.failures else 0


def _table(episodes: Sequence[Foreseen]) -> Iterator[str]:
    """The episodes as lines, with columns of equal width on a terminal."""
    rows = [_row(one) for one in episodes]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()


def _row(one: Foreseen) -> list[str]:
    size = "" if one.size is None else decimal(one.size)
    reason = f": {one.reason}" if one.reason and one.outcome != "finished" else ""
    return [one.id, one.published[:10], size, one.title, f"{_WORDS[one.outcome]}{reason}"]


def _summary(episodes: Sequence[Foreseen]) -> str:
    counts = Counter(one.outcome for one in episodes)
    size = sum(one.size or 0 for one in episodes if one.outcome == "fetch")
    others = [f"{counts[outcome]} {word}" for outcome, word in _WORDS.items() if outcome != "fetch" and counts[outcome]]
    parts = [f"{counts['fetch']} to fetch ({decimal(size)} announced)", *others]
    return f"{', '.join(parts)}. Nothing was queued."
