"""The house rules that a machine can keep: imports run one way, and rooms stay small."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "podcrawler"
#: From the bottom to the top: a room imports from itself and from those before it.
ROOMS = ["redis", "sites", "queue", "store", "http", "media", "spiders", "library", "fleet", "commands"]
#: What every room may import.
GROUND = {"batching", "cancellation", "clock", "config", "items", "exceptions", "logins", "signals"}
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_from_the_top_to_the_bottom(module: Path) -> None:
    room = module.relative_to(PACKAGE).parts[0]
    allowed = GROUND | set(ROOMS[: ROOMS.index(room) + 1]) if room in ROOMS else GROUND
    assert set(imports(module)) <= allowed


def test_the_room_of_redis_imports_nothing_but_exceptions() -> None:
    found = {name for module in (PACKAGE / "redis").glob("*.py") for name in imports(module)}
    assert found <= {"redis", "exceptions"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_small_and_say_what_they_are_for(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    assert not text or ast.get_docstring(ast.parse(text))


def imports(module: Path) -> Iterator[str]:
    """The rooms, or modules on the ground, that a module imports."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "podcrawler":
            names = [f"podcrawler.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("podcrawler."))
