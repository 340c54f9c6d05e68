"""Subscriptions as a list in OPML 2.0, which podcast apps import."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

from podcrawler.logins import Login, masked, without_login
from podcrawler.subscriptions.store import Followed
from podcrawler.tokens import is_secret

_INDENT = "  "


@dataclass(frozen=True, slots=True)
class _Outline:
    groups: tuple[str, ...]
    title: str
    #: Of the feed, with the login that it needs.
    address: str
    is_private: bool


class OpmlList:
    """The lines of a list, and how many of its podcasts are private: whoever has their address has the podcast."""

    def __init__(self, followed: Iterable[Followed], logins: Mapping[str, Login], *, with_secrets: bool) -> None:
        """``logins`` are by address and by id."""
        outlines = [_outline(one, logins) for one in followed]
        self.private = sum(outline.is_private for outline in outlines)
        self._with_secrets = with_secrets
        wanted = (outline for outline in outlines if with_secrets or not outline.is_private)
        # What is in no group is before the groups, and each group with what is in it in one piece.
        self._outlines = sorted(wanted, key=lambda outline: (outline.groups, outline.title.casefold(), outline.address))

    @property
    def remark(self) -> str:
        """What is to be said of private podcasts; empty if there are none."""
        if not self.private:
            return ""
        count = "1 private feed" if self.private == 1 else f"{self.private} private feeds"
        if self._with_secrets:
            return f"{count} with what gives access to them: keep this list as a password is kept."
        return f"{count} left out."

    def lines(self) -> Iterator[str]:
        """The document, in UTF-8 and well-formed whatever the titles are."""
        yield '<?xml version="1.0" encoding="UTF-8"?>'
        if self.remark:
            yield f"<!-- {self.remark} -->"
        yield '<opml version="2.0">'
        yield f"{_INDENT}<head>"
        yield f"{_INDENT * 2}<title>podcrawler: subscriptions</title>"
        yield f"{_INDENT}</head>"
        yield f"{_INDENT}<body>"
        within: tuple[str, ...] = ()
        for outline in self._outlines:
            yield from _moved(within, outline.groups)
            within = outline.groups
            title, address = _attribute(outline.title), _attribute(outline.address)
            yield f'{_indent(within)}<outline type="rss" text={title} title={title} xmlUrl={address}/>'
        yield from _moved(within, ())
        yield f"{_INDENT}</body>"
        yield "</opml>"


def _outline(followed: Followed, logins: Mapping[str, Login]) -> _Outline:
    subscription, checked = followed.subscription, followed.checked
    addresses = [address for address in (checked.feed, subscription.address) if address]
    kept = [logins[name] for name in (subscription.address, checked.podcast_id) if name in logins]
    address = without_login(next((one for one in addresses if any(login.is_for(one) for login in kept)), addresses[0]))
    title = masked(subscription.title or checked.title)
    is_private = bool(kept) or is_secret(address) or is_secret(subscription.address)
    login = next((login for login in kept if login.is_for(address)), None)
    return _Outline(
        subscription.groups, title or address, _with_login(address, login) if login else address, is_private
    )


def _with_login(address: str, login: Login) -> str:
    parts = urlsplit(address)
    return parts._replace(
        netloc=f"{quote(login.user, safe='')}:{quote(login.password, safe='')}@{parts.netloc}"
    ).geturl()


def _moved(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[str]:
    """The ends and the beginnings of groups between two outlines."""
    common = len(list(takewhile(lambda names: names[0] == names[1], zip(before, after, strict=False))))
    for depth in range(len(before) - 1, common - 1, -1):
        yield f"{_indent(before[:depth])}</outline>"
    for depth in range(common, len(after)):
        yield f"{_indent(after[:depth])}<outline text={_attribute(after[depth])}>"


def _indent(groups: tuple[str, ...]) -> str:
    return _INDENT * (2 + len(groups))


def _attribute(text: str) -> str:
    return (
        '"' + "".join(char if char.isprintable() else _reference(char) for char in escape(text, {'"': "&quot;"})) + '"'
    )


def _reference(char: str) -> str:
    """A character that commands a terminal, or hides, as XML may have it; in place of one that XML cannot have,
    U+FFFD."""
    code = ord(char)
    is_legal = char in "\t\n\r" or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
    return f"&#{code};" if is_legal else "\N{REPLACEMENT CHARACTER}"
