"""Requests as JSON that a person can read with ``redis-cli``; nothing is pickled.

``dumps`` and ``loads`` have the signatures of scrapy-redis's serializers (``SCHEDULER_SERIALIZER``). A value that JSON
has no type for is written as an object of one field whose name begins with ``$``: ``{"$bytes": "utf-8 text"}``,
``{"$base64": ...}``, ``{"$surrogates": base64}`` (text with lone surrogates), ``{"$tuple": [...]}``,
``{"$set": [...]}``, ``{"$float": "nan"}``, ``{"$dict": [[key, value], ...]}`` and ``{"$episode": {...}}``.
"""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from scrapy import Request, Spider
from scrapy.utils.request import request_from_dict

from podcrawler.exceptions import CodecError
from podcrawler.items import Episode
from podcrawler.logins import AUTHORIZATION

_EPISODE = TypeAdapter(Episode)
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
#: Fields of an episode that are for the reading of its list page only.
_LOCAL_FIELDS = {"twin_id", "alternates"}


def dumps(value: Any) -> str:
    """``value`` as JSON. Raises CodecError for what cannot be written (functions, open files, ...)."""
    try:
        return json.dumps(_to_json(value), ensure_ascii=False, separators=(",", ":"))
    except RecursionError as error:
        raise CodecError("A request cannot be queued: its meta is nested too deeply or contains itself.") from error


def loads(text: str | bytes) -> Any:
    """The inverse of ``dumps``. Raises CodecError for a text that ``dumps`` cannot have written."""
    try:
        return json.loads(text, object_hook=_from_object)
    except (ValueError, TypeError, RecursionError) as error:
        raise CodecError(
            f"An entry of the queue cannot be read as JSON ({error}); look at it with redis-cli."
        ) from error


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


def _to_json(value: Any) -> Any:
    match value:
        case None | bool() | int():
            return value
        case str():
            return value if _encodable(value) else {"$surrogates": _base64(value.encode("utf-8", "surrogatepass"))}
        case float():
            return value if math.isfinite(value) else {"$float": str(value)}
        case bytes():
            try:
                return {"$bytes": value.decode()}
            except UnicodeDecodeError:
                return {"$base64": _base64(value)}
        case Episode():
            fields = _EPISODE.dump_python(value, mode="json", exclude_defaults=True, exclude=_LOCAL_FIELDS)
            return {"$episode": _to_json(fields)}
        case list():
            return [_to_json(item) for item in value]
        case tuple():
            return {"$tuple": [_to_json(item) for item in value]}
        case set() | frozenset():
            return {"$set": [_to_json(item) for item in value]}
        case dict():
            if all(isinstance(key, str) and _encodable(key) and not key.startswith("$") for key in value):
                return {key: _to_json(item) for key, item in value.items()}
            return {"$dict": [[_to_json(key), _to_json(item)] for key, item in value.items()]}
    raise CodecError(f"A request cannot be queued: {type(value).__name__} in it has no form in JSON.")


def _from_object(value: dict[str, Any]) -> Any:
    """The value that a JSON object stands for; its own values are decoded already."""
    if len(value) != 1:
        return value
    ((tag, content),) = value.items()
    match tag:
        case "$bytes":
            return str(content).encode()
        case "$base64":
            return base64.b64decode(content, validate=True)
        case "$surrogates":
            return base64.b64decode(content, validate=True).decode("utf-8", "surrogatepass")
        case "$float":
            return float(content)
        case "$tuple":
            return tuple(content)
        case "$set":
            return set(content)
        case "$dict":
            # dict() would accept a mapping, too, which ``dumps`` never writes here.
            return {key: item for key, item in content}  # noqa: C416
        case "$episode":
            try:
                return _EPISODE.validate_python(content)
            except ValidationError as error:
                raise CodecError(f"An entry of the queue is not an episode: {error.errors()[0]['msg']}") from error
    if tag.startswith("$"):
        raise ValueError(f"unknown form {tag}")
    return value


def _encodable(text: str) -> bool:
    """Whether the text can be encoded as UTF-8: lone surrogates, which Python's strings allow, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
