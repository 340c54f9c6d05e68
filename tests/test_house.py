"""The house rules for single files; import-linter checks those for imports (pyproject.toml)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "podcrawler"
MODULES = sorted(PACKAGE.rglob("*.py"))
_REDIS_MODULES = (
    "archive",
    "broker",
    "choices",
    "given_hosts",
    "listings",
    "media_hosts",
    "merging",
    "naming",
    "parts_key",
    "records",
)
_SPEAK_TO_REDIS = [
    Path("queue", f"{name}.py")
    for name in (
        *_REDIS_MODULES,
        "dates",
        "dropping",
        "followed",
        "inventory",
        "overview",
        "podcasts",
        "recount",
        "states",
        "versions",
        "watch",
    )
] + [Path("subscriptions", "store.py")]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_small_and_say_what_they_are_for(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    assert not text or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_classes_have_few_public_attributes(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    counts = {node.name: len(set(public_attributes(node))) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    assert {name: count for name, count in counts.items() if count > 20} == {}


def public_attributes(node: ast.ClassDef) -> Iterator[str]:
    """The public names that a class defines itself: methods, class attributes, fields, and what is set on ``self``."""
    for part in node.body:
        match part:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names = [name]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case ast.Assign(targets=targets):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case _:
                names = []
        yield from (name for name in names if not name.startswith("_"))
    for child in ast.walk(node):
        match child:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()) if not name.startswith("_"):
                yield name


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_few_modules_send_commands_to_redis(module: Path) -> None:
    place = module.relative_to(PACKAGE)
    if place.parts[0] == "redis" or place in _SPEAK_TO_REDIS:
        return
    tree = ast.parse(module.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    receivers = {ast.unparse(call.value).rpartition(".")[2] for call in calls if isinstance(call, ast.Attribute)}
    assert not receivers & {"redis", "_redis", "server", "_server", "client", "pipe", "pipeline"}
