"""The settings of a command, as Scrapy would merge them, and the names that they may have.

The one place that knows how they are merged without Scrapy, for commands that need no more of it. From the top: the
options ``-s``, the module that ``SCRAPY_SETTINGS_MODULE`` names, podcrawler/settings.py with the environment's.
"""

import os
import re
import sys
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from importlib import import_module
from typing import TYPE_CHECKING, Any

from podcrawler.calling import program
from podcrawler.cli.nearest import nearest
from podcrawler.exceptions import SettingError, UsageError
from podcrawler.redis.connection import PARAMETERS

if TYPE_CHECKING:
    from scrapy.settings import Settings

MODULE = "SCRAPY_SETTINGS_MODULE"
OURS = "podcrawler.settings"
_PREFIX = "PODCRAWLER_"
#: How like a name in the environment must be to one of ours to be taken for it: others may be of other programs, such
#: as those that Kubernetes sets for a service of this name.
_ALIKE = 0.8
#: The same, of a name without our prefix: settings of a user's own components are anybody's.
_VERY_ALIKE = 0.9


def read_settings(given: Sequence[str]) -> Mapping[str, Any]:
    """The settings, with those that were given as ``NAME=VALUE``. Raises SettingError and UsageError."""
    overrides = parse_overrides(given)
    ours = _defaults()
    name = os.environ.get(MODULE) or OURS
    own = ours if name == OURS else _project_values(name)
    check_names(overrides, own)
    return ChainMap(overrides, own, ours)


def scrapy_settings(given: Sequence[str]) -> "Settings":
    """The same as Scrapy's own settings, which know their priorities. Raises SettingError and UsageError."""
    read_settings(given)
    from scrapy.utils.project import get_project_settings

    path = sys.path.copy()
    os.environ.setdefault(MODULE, OURS)
    settings = get_project_settings()
    if os.environ[MODULE] == OURS:
        # Without the folder of a scrapy.cfg: that of a project of one's own is what its spiders are imported from.
        sys.path[:] = path
    else:
        # As the add-on does later, when there is a crawler.
        settings.setmodule(OURS, priority="addon")
    settings.setdict(parse_overrides(given), priority="cmdline")
    return settings


def parse_overrides(given: Sequence[str]) -> dict[str, str]:
    """The settings by name. Raises UsageError if one has no name or no value."""
    overrides = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"-s {text} has no value; write -s NAME=VALUE.")
        overrides[name] = value
    return overrides


def check_names(overrides: Iterable[str], project: Iterable[str] = ()) -> None:
    """Raise SettingError for a misspelt setting: of those given to ``-s``, in the environment, or in the settings
    module of a project."""
    known = _defaults().keys() | PARAMETERS.keys()
    for name in overrides:
        if name not in known and (meant := _meant(name, known)):
            raise SettingError(f"There is no setting {name}; {meant}")
    ours = [name for name in known if name.startswith(_PREFIX)]
    for name in project:
        if name.startswith(_PREFIX) and name not in known:
            raise SettingError(f"There is no setting {name} ({os.environ.get(MODULE)}); {_meant(name, ours)}")
    for name in os.environ:
        if name.startswith(_PREFIX) and name not in known:
            short = name.removeprefix(_PREFIX)
            if meant := nearest(short, [one.removeprefix(_PREFIX) for one in ours], least=_ALIKE):
                raise SettingError(
                    f"There is no setting {name}, which the environment has; did you mean {_PREFIX}{meant}?"
                )


def _meant(name: str, known: Iterable[str]) -> str:
    """The rest of a sentence that refuses the name; empty if it may be that of a user's own setting."""
    if name.startswith(_PREFIX):
        ours = [one.removeprefix(_PREFIX) for one in known if one.startswith(_PREFIX)]
        meant = nearest(name.removeprefix(_PREFIX), ours, least=0.5)
        return f"did you mean {_PREFIX}{meant}?" if meant else "docs/settings.md lists them."
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        return f"did you mean {name.upper()}?" if name.upper() in known else "write it in capital letters."
    # Only now, because it imports Scrapy.
    from scrapy.settings import default_settings

    names = [*known, *(one for one in vars(default_settings) if one.isupper())]
    if name in names:
        return ""
    alike = [one for one in names if abs(len(one) - len(name)) <= 1]
    meant = max(alike, key=lambda one: SequenceMatcher(None, name, one).ratio(), default="")
    return f"did you mean {meant}?" if meant and SequenceMatcher(None, name, meant).ratio() >= _VERY_ALIKE else ""


def _project_values(name: str) -> dict[str, Any]:
    """As ``_values``, of a project of one's own, which may be found by its scrapy.cfg. Imports Scrapy."""
    from scrapy.utils.conf import init_env

    init_env(os.environ.get("SCRAPY_PROJECT", "default"))
    return _values(name)


def _defaults() -> dict[str, Any]:
    return _values(OURS)


def _values(name: str) -> dict[str, Any]:
    """The settings in a module. Raises SettingError if it cannot be imported."""
    try:
        module = import_module(name)
    except (ImportError, SyntaxError, TypeError) as error:
        raise SettingError(
            f"{MODULE} names {name}, which {program()} cannot import ({error}); correct it, or remove it."
        ) from None
    return {name: value for name, value in vars(module).items() if name.isupper()}
