"""How the user called this program, for messages that name it or tell what to type."""

import sys
from pathlib import PurePath


def called() -> str:
    """What the user types before a command: ``podcrawler``, ``scrapy`` or ``python -m podcrawler``."""
    name = PurePath(sys.argv[0]).name
    if name == "scrapy":
        return name
    return "python -m podcrawler" if name == "__main__.py" else "podcrawler"


def program() -> str:
    """The name that its messages begin with."""
    return called().split()[-1]
