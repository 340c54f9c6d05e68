"""What a check makes of what is known of a feed, and when the next one is due.

All times are in seconds since 1970. ``chance`` is a random number from 0 to 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from podcrawler.http_dates import http_date
from podcrawler.sites.asked import Asked
from podcrawler.subscriptions.due import Bounds, after_check, after_failure
from podcrawler.subscriptions.records import Checked, Moved
from podcrawler.subscriptions.rhythm import Rhythm

_DAY = 86_400.0
#: A permanent redirect is believed when it is seen again after so long: some are mistakes of an hour.
_BELIEVED_AFTER = 20 * 3600.0
#: A feed is parked after this many failures in this time.
_PARKED_AFTER, _LEAST_FAILURES = 90 * _DAY, 20
#: Kinds of failures after which a feed is parked at once.
_FOR_GOOD = {"http-410": "the host says that the feed is gone for good (410)"}
_MAX_AGE = 366 * _DAY


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says beside the episodes."""

    etag: str = ""
    last_modified: str = ""
    digest: str = ""
    #: For how long the host says that it is fresh, in seconds.
    fresh_for: float = 0.0
    #: The address that it says the feed has moved to for good: by a permanent redirect, or ``itunes:new-feed-url``.
    moved_to: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a feed lists that has changed."""

    podcast_id: str
    title: str
    asked: Asked
    #: When its newest episodes were published.
    dates: Sequence[float]
    #: Whether it lists an episode that it has not listed before.
    is_new: bool
    #: The address that lists them, if that is not the one that was asked.
    feed: str = ""


def fresh_for(headers: Mapping[str, str], now: float) -> float:
    """For how long an answer is fresh by Cache-Control or Expires (RFC 9111 §4.2.1), in seconds."""
    words = dict(_directives(headers.get("Cache-Control", "")))
    if "no-cache" in words or "no-store" in words:
        return 0.0
    if (age := words.get("max-age", "")).isdecimal() and age.isascii():
        return min(float(age[:12]), _MAX_AGE)
    expires = http_date(headers.get("Expires"))
    return min(max(0.0, expires - (http_date(headers.get("Date")) or now)), _MAX_AGE) if expires is not None else 0.0


def _directives(text: str) -> Sequence[tuple[str, str]]:
    parts = (part.strip().partition("=") for part in text.lower().split(","))
    return [(name, value.strip('"')) for name, _, value in parts]


def unchanged(before: Checked, answer: Answer, bounds: Bounds, now: float, chance: float) -> tuple[Checked, float]:
    """After an answer with nothing new."""
    checked = replace(
        _answered(before, answer, now),
        etag=answer.etag or before.etag,
        last_modified=answer.last_modified or before.last_modified,
        whole_at=now if answer.digest else before.whole_at,
    )
    return checked, _due(checked, answer, bounds, now, chance)


def changed(
    before: Checked, answer: Answer, listed: Listed, bounds: Bounds, now: float, chance: float
) -> tuple[Checked, float]:
    """After an answer that was read, and recorded."""
    checked = replace(
        _read(_answered(before, answer, now), answer),
        podcast_id=listed.podcast_id,
        title=listed.title,
        asked=listed.asked,
        rhythm=_rhythm(before, listed, now),
    )
    if listed.feed and not checked.feed:
        checked = replace(checked, feed=listed.feed)
    return checked, _due(checked, answer, bounds, now, chance)


def referred(before: Checked, answer: Answer, bounds: Bounds, now: float, chance: float) -> tuple[Checked, float]:
    """After an answer that is no podcast itself, and leads to several."""
    checked = _read(_answered(before, answer, now), answer)
    return checked, _due(checked, answer, bounds, now, chance)


def failed(
    before: Checked, kind: str, retry_after: float, bounds: Bounds, now: float, chance: float
) -> tuple[Checked, float | None]:
    """After a failure of this kind, in which the host asked to wait ``retry_after`` seconds. None: it is parked."""
    failures, since = before.failures + 1, before.failing_since or now
    # Some hosts refuse a request for its condition: the next one has none.
    checked = replace(before, failures=failures, failing_since=since, error=kind, parked="", whole_at=0.0)
    due = max(after_failure(failures, bounds, now, chance), now + retry_after)
    if before.feed:
        # It was found from the subscription's address, which may lead to another one by now.
        return replace(checked.unread(), feed="", at=0.0) if failures > 1 else checked, due
    if why := _FOR_GOOD.get(kind):
        return replace(checked, parked=why), None
    if now - since > _PARKED_AFTER and failures >= _LEAST_FAILURES:
        days = round((now - since) / _DAY)
        return replace(checked, parked=f"it has failed for {days} days, {kind} at the last of {failures} checks"), None
    return checked, due


def _answered(before: Checked, answer: Answer, now: float) -> Checked:
    checked = replace(before, at=now, failures=0, failing_since=0.0, error="", parked="")
    if not answer.moved_to:
        return replace(checked, moved=None)
    if before.moved is None or before.moved.to != answer.moved_to:
        return replace(checked, moved=Moved(answer.moved_to, now))
    if now - before.moved.seen < _BELIEVED_AFTER:
        return checked
    return replace(checked, feed=answer.moved_to, moved=None)


def _read(checked: Checked, answer: Answer) -> Checked:
    validators = replace(checked, etag=answer.etag, last_modified=answer.last_modified)
    return replace(validators, digest=answer.digest, whole_at=checked.at)


def _due(checked: Checked, answer: Answer, bounds: Bounds, now: float, chance: float) -> float:
    asked = replace(checked.asked, fresh_for=max(checked.asked.fresh_for, answer.fresh_for))
    return after_check(checked.rhythm, asked, bounds, now, chance)


def _rhythm(before: Checked, listed: Listed, now: float) -> Rhythm:
    promised = listed.asked.gap
    if not before.at or not before.rhythm.arrivals:
        return Rhythm.of_dates(listed.dates, now, promised)
    rhythm = replace(before.rhythm, promised=promised)
    new = sorted(date for date in listed.dates if before.at < date <= now)
    for date in new:
        rhythm = rhythm.with_arrival(date, before.at, now)
    return rhythm if new or not listed.is_new else rhythm.with_arrival(None, before.at, now)
