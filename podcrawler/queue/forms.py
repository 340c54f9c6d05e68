"""The forms in which codec.py writes values that JSON has no type for. Apart from it, because `failed` reads no more of
an entry than its title, and so needs no item to be made."""

import base64
from typing import Any


def from_object(value: dict[str, Any]) -> Any:
    """The value that a JSON object stands for, unless that is an episode; its own values are decoded already. Raises
    ValueError."""
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
    if tag.startswith("$"):
        raise ValueError(f"unknown form {tag}")
    return value


def encodable(text: str) -> bool:
    """Whether the text can be encoded as UTF-8: lone surrogates, which Python's strings allow, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
