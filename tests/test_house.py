"""The house rules for single files; import-linter checks those for imports (pyproject.toml)."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "podcrawler"
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_small_and_say_what_they_are_for(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    assert not text or ast.get_docstring(ast.parse(text))
