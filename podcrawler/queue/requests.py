"""Requests as values that codec.py writes as JSON, and requests from such values, which Redis is not trusted with."""

from collections.abc import Mapping
from typing import Any

from scrapy import Request, Spider
from scrapy.utils.request import request_from_dict

from podcrawler.exceptions import CodecError
from podcrawler.logins import AUTHORIZATION

# Whoever makes requests also loads SCHEDULER_SERIALIZER, which Scrapy finds only if it has been imported.
from podcrawler.queue import codec
from podcrawler.queue.entries import entry_of
from podcrawler.queue.leases import Entry

_DEFAULTS = Request("http://default.invalid/").to_dict()
#: Scrapy imports the class that the text names, so it must be one of Scrapy's own; they are the classes of requests.
_REQUEST = "scrapy.http.request.Request"
_REQUEST_CLASSES = frozenset(
    {
        _REQUEST,
        "scrapy.http.request.form.FormRequest",
        "scrapy.http.request.json_request.JsonRequest",
        "scrapy.http.request.rpc.XmlRpcRequest",
    }
)
#: The methods of a spider that a request in Redis may name: those that podcrawler's own spiders have for that.
CALLBACKS = frozenset({"parse", "parse_page", "parse_episode", "failed"})
#: A spider's further ones, in an attribute of this name.
_MORE_CALLBACKS = "queue_callbacks"
#: Fields of ``meta`` that are valid in one process only.
_LOCAL_META = frozenset({"lease", "part", AUTHORIZATION})


def request_to_dict(request: Request, spider: Spider | None = None) -> dict[str, Any]:
    """The fields of the request that differ from Scrapy's defaults. Its callbacks must be methods of ``spider`` that
    ``CALLBACKS`` or its attribute ``queue_callbacks`` names: raises CodecError for others."""
    fields = {name: value for name, value in request.to_dict(spider=spider).items() if value != _DEFAULTS.get(name)}
    _check_callbacks(fields, spider)
    if meta := {name: value for name, value in request.meta.items() if name not in _LOCAL_META}:
        fields["meta"] = meta
    else:
        fields.pop("meta", None)
    return fields


def entry_as_json(request: Request) -> Entry:
    """The entry for a request that comes from no spider, as codec.py writes it."""
    return entry_of(request, codec.dumps(request_to_dict(request)))


def dict_to_request(fields: Any, spider: Spider | None = None) -> Request:
    """The inverse of ``request_to_dict``. Raises CodecError if the fields are not those of a request, or if they name a
    method that is no callback: whoever can write to Redis is to call no other."""
    if not isinstance(fields, dict) or not isinstance(fields.get("url"), str):
        raise CodecError("An entry of the queue is not a request: it has no url; look at it with redis-cli.")
    if str(kind := fields.get("_class", _REQUEST)) not in _REQUEST_CLASSES:
        raise CodecError(f"An entry of the queue is not a request but a {kind!r:.80}; look at it with redis-cli.")
    _check_callbacks(fields, spider)
    try:
        meta = {name: value for name, value in dict(fields.get("meta") or {}).items() if name not in _LOCAL_META}
        return request_from_dict({**fields, "meta": meta}, spider=spider)
    except (ValueError, TypeError, AttributeError, ImportError, LookupError) as error:
        raise CodecError(f"An entry of the queue cannot be made a request: {error}") from error


def _check_callbacks(fields: Mapping[str, Any], spider: Spider | None) -> None:
    callbacks = CALLBACKS.union(getattr(spider, _MORE_CALLBACKS, ()))
    for name in (fields.get("callback"), fields.get("errback")):
        if name is not None and str(name) not in callbacks:
            raise CodecError(
                f"A request of the queue names {name!r:.80} as its callback; if that is a method of your spider, list "
                f"it in the attribute {_MORE_CALLBACKS} of the spider."
            )
