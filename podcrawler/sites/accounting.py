"""The account of what a podcast's pages list: how many entries, how many episodes, and what became of the others.

Accounts of the pages of one podcast add up. They are kept in Redis as JSON, and told in one line.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from typing_extensions import override

from podcrawler.logins import masked
from podcrawler.sites.cause import Cause

if TYPE_CHECKING:
    from podcrawler.sites.base import Listing

#: Malformed addresses and media types that an account quotes, for each cause.
_EXAMPLES = 3
_WORDS = {
    Cause.NO_MEDIA: "without a media file",
    Cause.BAD_ADDRESS: "with an address that cannot be requested",
    Cause.NOT_MEDIA: "with a file that is neither audio nor video",
    Cause.DUPLICATE: "listed twice",
    Cause.NO_ID: "without an id",
    Cause.TOO_LONG: "with an address or a guid of more than 8,000 characters",
    Cause.CUT_OFF: "in which the document breaks off",
    Cause.UNWANTED: "not wanted",
    Cause.LIMIT: "older than the newest that are read (PODCRAWLER_MAX_ENTRIES)",
}


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the entries of one page, or of several."""

    episodes: int = 0
    left_out: Mapping[Cause, int] = field(default_factory=dict)
    #: What some of those that were left out named, such as their addresses.
    examples: Mapping[Cause, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, listing: "Listing") -> Self:
        examples: dict[Cause, list[str]] = {}
        for entry in listing.left_out:
            _add_examples(examples, entry.cause, [masked(entry.named, is_address=True)])
        return cls(len(listing.episodes), Counter(entry.cause for entry in listing.left_out), examples)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of ``to_json``. Causes that a later release may have added are dropped."""
        known = set(Cause)
        return cls(
            int(value.get("listed", 0)),
            {Cause(cause): int(count) for cause, count in value.get("left_out", {}).items() if cause in known},
            {Cause(cause): list(named) for cause, named in value.get("examples", {}).items() if cause in known},
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "entries": self.entries,
            "listed": self.episodes,
            "left_out": dict(self.left_out),
            "examples": dict(self.examples),
        }

    def __add__(self, other: "Account") -> "Account":
        examples = {cause: list(named) for cause, named in self.examples.items()}
        for cause, named in other.examples.items():
            _add_examples(examples, cause, named)
        return Account(self.episodes + other.episodes, Counter(self.left_out) + Counter(other.left_out), examples)

    @override
    def __str__(self) -> str:
        """Such as ``12 entries: 10 episodes, 1 without a media file, 1 with the address "htp://example.com/1.mp3"``."""
        parts = [_counted(self.episodes, "episode", "episodes")]
        parts += [self._told(cause) for cause in Cause if self.left_out.get(cause)]
        return f"{_counted(self.entries, 'entry', 'entries')}: {', '.join(parts)}"

    @property
    def entries(self) -> int:
        return self.episodes + sum(self.left_out.values())

    @property
    def is_complete(self) -> bool:
        """Whether every entry is an episode."""
        return not self.left_out

    def _told(self, cause: Cause) -> str:
        named = ", ".join(f'"{name}"' for name in self.examples.get(cause, []))
        count = self.left_out[cause]
        if cause is Cause.BAD_ADDRESS and count == 1 and named:
            return f"1 with the address {named}"
        return f"{count} {_WORDS[cause]}" + (f" ({named})" if named else "")


def _add_examples(examples: dict[Cause, list[str]], cause: Cause, named: list[str]) -> None:
    known = examples.setdefault(cause, [])
    known += [name for name in dict.fromkeys(named) if name and name not in known][: _EXAMPLES - len(known)]
    if not known:
        del examples[cause]


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
