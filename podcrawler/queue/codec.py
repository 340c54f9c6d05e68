"""Values as JSON that a person can read with ``redis-cli``; nothing is pickled. requests.py makes values of requests.

``dumps`` and ``loads`` have the signatures of scrapy-redis's serializers (``SCHEDULER_SERIALIZER``). A value that JSON
has no type for is written as an object of one field whose name begins with ``$``: ``{"$bytes": "utf-8 text"}``,
``{"$base64": ...}``, ``{"$surrogates": base64}`` (text with lone surrogates), ``{"$tuple": [...]}``,
``{"$set": [...]}``, ``{"$float": "nan"}``, ``{"$dict": [[key, value], ...]}`` and ``{"$episode": {...}}``.
"""

import base64
import json
import math
from typing import Any

from pydantic import TypeAdapter, ValidationError

from podcrawler.exceptions import CodecError
from podcrawler.items import Episode
from podcrawler.queue.forms import encodable, from_object

_EPISODE = TypeAdapter(Episode)
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


def _to_json(value: Any) -> Any:
    match value:
        case None | bool() | int():
            return value
        case str():
            return value if encodable(value) else {"$surrogates": _base64(value.encode("utf-8", "surrogatepass"))}
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
            if all(isinstance(key, str) and encodable(key) and not key.startswith("$") for key in value):
                return {key: _to_json(item) for key, item in value.items()}
            return {"$dict": [[_to_json(key), _to_json(item)] for key, item in value.items()]}
    raise CodecError(f"A request cannot be queued: {type(value).__name__} in it has no form in JSON.")


def _from_object(value: dict[str, Any]) -> Any:
    """As ``from_object``, and an Episode for one."""
    if value.keys() != {"$episode"}:
        return from_object(value)
    try:
        return _EPISODE.validate_python(value["$episode"])
    except ValidationError as error:
        raise CodecError(f"An entry of the queue is not an episode: {error.errors()[0]['msg']}") from error


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
