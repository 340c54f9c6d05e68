"""The request that checks a feed: conditional, and with what was claimed of the subscription."""

from typing import Any

from scrapy import Request

from podcrawler.queue.entries import CHECK, WANTED, page_request
from podcrawler.queue.seeds import address_request
from podcrawler.subscriptions.records import CLAIM, Claim

#: The answer that nothing has changed (RFC 9110 §15.4.5); Scrapy takes it for an error otherwise.
NOT_MODIFIED = 304
_CONDITIONS = ("If-None-Match", "If-Modified-Since")
#: After so many seconds a feed is asked for without a condition: some hosts answer for ever that nothing has changed.
_WHOLE_AFTER = 7 * 86_400.0


def check_request(claim: Claim) -> Request:
    """The request for the feed of a subscription, under the subscription's address. Raises AddressError if that can
    lead nowhere."""
    subscription, checked = claim.subscription, claim.checked
    if checked.feed or checked.at:
        request = page_request(checked.feed or subscription.address, root=subscription.address)
    else:
        # Nothing has been found there yet: it may be a guess, or the page of a directory.
        address = subscription.address
        request = address_request(address.removeprefix("https://") if subscription.is_guess else address)
        request.meta["root"] = subscription.address
    request.meta[CHECK] = CLAIM.adapter.dump_python(claim, mode="json", exclude_defaults=True)
    if subscription.options:
        request.meta[WANTED] = dict(subscription.options)
    is_recent = claim.at - checked.whole_at < _WHOLE_AFTER
    values = (checked.etag, checked.last_modified) if is_recent else ("", "")
    for name, value in zip(_CONDITIONS, values, strict=True):
        if value:
            request.headers[name] = value
    if request.headers:
        request.meta["handle_httpstatus_list"] = [NOT_MODIFIED]
    return request


def unconditional(request: Request) -> Request:
    """The request, if it is a check: to read the feed even if it has not changed."""
    if CHECK not in request.meta:
        return request
    changed = request.copy()
    for name in _CONDITIONS:
        changed.headers.pop(name, None)
    check: dict[str, Any] = changed.meta[CHECK]
    checked = {name: value for name, value in check.get("checked", {}).items() if name != "digest"}
    changed.meta[CHECK] = {**check, "checked": checked}
    return changed


def claim_of(request: Request) -> Claim | None:
    """What was claimed for the check that the request is of; None if it is of none."""
    found = request.meta.get(CHECK)
    return CLAIM.read(found, f"the check of {request.url}") if found is not None else None
