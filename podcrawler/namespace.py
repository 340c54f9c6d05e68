"""``PODCRAWLER_NAMESPACE``, the word that keeps two archives apart in one Redis.

Apart from config.py, because commands that only read Redis need no other setting, and do without pydantic.
"""

import re
from collections.abc import Mapping
from typing import Any

from podcrawler.exceptions import SettingError

#: Settings by name: Scrapy's, or those that cli/settings.py merged as Scrapy would.
AnySettings = Mapping[str, Any]
NAMESPACE = "^[A-Za-z0-9_.-]{1,60}$"


def read_namespace(settings: AnySettings) -> str:
    """The namespace. Raises SettingError."""
    given = settings.get("PODCRAWLER_NAMESPACE")
    if not isinstance(given, str) or not re.fullmatch(NAMESPACE[1:-1], given):
        raise SettingError(
            f"PODCRAWLER_NAMESPACE cannot be {given!r}: write up to 60 letters, digits, '_', '.' or '-'; see "
            "docs/settings.md."
        )
    return given
