"""Programs that tests need, and that pip does not bring. Without one its tests are skipped by name; in CI they fail."""

import os
import shutil
from typing import NoReturn

import pytest


def installed(package: str, *names: str) -> str:
    """The path of the first of these programs that is there, all from the same package of Debian."""
    for name in names:
        if found := shutil.which(name):
            return found
    return lacking(names[0], f"Debian's package {package}")


def lacking(name: str, source: str) -> NoReturn:
    """End the test, because a program is not there."""
    absent = f"{name} is not installed: it comes with {source}"
    if os.environ.get("CI"):
        pytest.fail(absent)
    pytest.skip(absent)
