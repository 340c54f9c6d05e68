"""What the docs must name, collected from the code: whoever adds a setting, command, key, stat or kind documents it."""

import ast
import inspect
import os
import re
import runpy
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from podcrawler import details, exceptions
from podcrawler.cli.parsers import Parser
from podcrawler.cli.table import COMMANDS
from podcrawler.http import errors as http_errors
from podcrawler.items import Enclosure, Episode, Podcast
from podcrawler.queue.acks import give_up
from podcrawler.queue.keys import Keys
from podcrawler.sites.extensions import _READERS
from podcrawler.spiders.episodes import EpisodesSpider
from podcrawler.spiders.podcasts import PodcastsSpider

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "podcrawler"
DOCS = sorted((ROOT / "docs").glob("*.md"))
README, README_ZH = READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
PAGES = [*READMES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *DOCS]
LUA = sorted((PACKAGE / "queue" / "lua").glob("*.lua"))

_MARKER = "MARKER"
_LITERAL = re.compile(r"'([^']*)'")
#: ``Q .. 'name'`` and ``A .. (condition and 'name' or 'name')``.
_LUA_KEY = re.compile(r"\b([QA]) \.\. (?:'([^']+)'|\(([^)]*)\))")
#: ``Q name    type  meaning`` in the comment of states.lua.
_LUA_TYPE = re.compile(r"^-- +([QA]) (\S+) +(hash|zset|set|list|stream|string) ", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def _page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def _rows(text: str) -> list[list[str]]:
    """The rows of all tables, cell by cell."""
    lines = [line.strip() for line in text.split("\n")]
    return [[cell.strip() for cell in line[1:-1].split(" | ")] for line in lines if line.startswith("| ")]


def _trees() -> Iterator[ast.AST]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def _text(node: ast.expr) -> str | None:
    """A string in the code, with ``<name>`` for each value of an f-string. None for other expressions."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(
                f"<{ast.unparse(v.value)}>" if isinstance(v, ast.FormattedValue) else _text(v) or "" for v in values
            )
    return None


# Settings


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    """The settings of podcrawler/settings.py, without those of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("PODCRAWLER_") or name in ("REDIS_URL", "FILES_STORE"):
                patch.delenv(name)
        module = runpy.run_path(str(PACKAGE / "settings.py"))
    return {name: value for name, value in module.items() if name.isupper()}


def test_the_docs_name_every_setting(settings: dict[str, Any]) -> None:
    page = _page("settings")
    assert [name for name in settings if f"`{name}`" not in page] == []


def test_the_docs_name_every_setting_that_the_code_reads() -> None:
    read = re.compile(r"settings(?:\.get\w*\(|\[)\"([A-Z][A-Z_]+)\"")
    names = {name for path in PACKAGE.rglob("*.py") for name in read.findall(path.read_text(encoding="utf-8"))}
    assert "PODCRAWLER_STATE_DIR" in names
    page = _page("settings")
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_the_docs_name_no_setting_that_does_not_exist(settings: dict[str, Any]) -> None:
    named = {
        name for page in PAGES for name in re.findall(r"PODCRAWLER_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))
    }
    assert sorted(named - settings.keys()) == []


def test_the_docs_have_the_defaults(settings: dict[str, Any]) -> None:
    rows = [row for row in _rows(_page("settings")) if row[0].startswith("`PODCRAWLER_")]
    documented = {row[0].strip("`"): row[1] for row in rows}
    assert len(documented) == len(rows), "each has one row"
    ours = {name: value for name, value in settings.items() if name.startswith("PODCRAWLER_")}
    assert documented == {name: f"`{value}`" if value != "" else "empty" for name, value in ours.items()}


# Commands


@pytest.mark.parametrize("command", COMMANDS)
def test_the_docs_have_a_heading_for_each_command(command: str) -> None:
    assert re.search(rf"^## `{command}\b", _page("commands"), re.MULTILINE)


def test_scrapy_finds_the_commands_that_the_docs_say() -> None:
    found = {path.stem for path in (PACKAGE / "commands").glob("*.py") if path.stem != "__init__"}
    assert COMMANDS.keys() - found == {"version", "completion", "help"}
    assert found <= COMMANDS.keys()


@pytest.mark.parametrize("command", [command for command, listed in COMMANDS.items() if listed.module])
def test_the_docs_name_every_option_of_a_command(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not "python -m podcrawler", for which it takes "python -m pytest", and whose -m is no option of podcrawler's.
    monkeypatch.setattr("sys.argv", ["podcrawler"])
    parser = Parser(command)
    COMMANDS[command].load().add_arguments(parser)
    options = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", parser.format_help()))
    assert "--help" in options
    # Options of all commands are above the sections.
    common, *sections = _page("commands").split("\n## ")
    own = "".join(section for section in sections if section.startswith(f"`{command}"))
    assert sorted(option for option in options - {"-h"} if option not in common + own) == []


# Redis


def _keys_of_python() -> Iterator[str]:
    """Every key that Keys makes, with MARKER in the place of each argument."""
    keys = Keys()
    for name, member in inspect.getmembers(Keys):
        if isinstance(member, property):
            yield getattr(keys, name)
        elif inspect.isfunction(member) and not name.startswith("_"):
            yield getattr(keys, name)(*[_MARKER] * (len(inspect.signature(member).parameters) - 1))


def _keys_of_lua(source: str) -> set[tuple[str, str]]:
    """Every name that a script puts after ``Q`` or ``A``, with the letter."""
    found = set()
    for letter, name, choice in _LUA_KEY.findall(source):
        # A literal that a value is compared with is not a key.
        names = [name] if name else _LITERAL.findall(re.sub(r"[~=]= '[^']*'", "", choice))
        found |= {(letter, name) for name in names}
    return found


def _full(letter: str, name: str) -> str:
    """The key as the docs have it. A name that ends with a colon has an argument after it."""
    prefix = "{podcrawler}:<queue>:" if letter == "Q" else "{podcrawler}:"
    return prefix + name + ("MARKER" if name.endswith(":") else "")


def _is_named(key: str, page: str) -> bool:
    return re.search(re.escape(key).replace(_MARKER, "<[a-z ]+>"), page) is not None


def test_the_docs_name_every_key_of_the_code() -> None:
    keys = [key.removesuffix(":") for key in _keys_of_python()]
    assert "{podcrawler}:node:MARKER" in keys
    page = _page("queue-keys")
    assert [key for key in keys if not _is_named(key, page)] == []


@pytest.mark.parametrize("script", LUA, ids=lambda path: path.stem)
def test_the_docs_name_every_key_of_the_scripts(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    keys = {_full(*key) for key in _keys_of_lua(source)}
    page = _page("queue-keys")
    assert sorted(key for key in keys if not _is_named(f"`{key}`", page)) == []
    assert f"`{script.stem}" in page


def test_the_docs_have_the_keys_and_types_of_the_scripts() -> None:
    source = (PACKAGE / "queue" / "lua" / "states.lua").read_text(encoding="utf-8")
    types = {_full(letter, re.sub("<.*>", "", name)): kind for letter, name, kind in _LUA_TYPE.findall(source)}
    assert len(types) > 10
    rows = {
        re.sub("(?<!<queue)<(?!queue).*?>", _MARKER, row[0].strip("`")): row[1] for row in _rows(_page("queue-keys"))
    }
    assert {key: rows.get(key) for key in types} == types


@pytest.mark.parametrize("spider", [EpisodesSpider, PodcastsSpider], ids=lambda spider: spider.name)
def test_the_docs_name_the_seeds(spider: type[PodcastsSpider]) -> None:
    assert f"`{spider.name}:start_urls`" in _page("queue-keys")


@pytest.mark.parametrize("script", LUA, ids=lambda path: path.stem)
def test_a_script_begins_with_a_comment_that_lists_its_keys(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    comment = re.match(r"(?:--.*\n)*", source)
    assert comment
    listed = re.search(r"^-- Keys.*(?:\n--.*)*", comment[0], re.MULTILINE)
    assert listed, f"{script} does not begin with a comment that lists its keys"
    if "all of Q" not in listed[0]:
        names = {name for _, name in _keys_of_lua(source)}
        assert sorted(name for name in names if not re.search(rf"\b{name}", listed[0])) == []


# Stats


def _stats() -> Iterator[str]:
    (outcome,) = get_args(get_type_hints(give_up)["return"])
    outcomes = get_args(outcome)
    for node in _trees():
        text = _text(node) if isinstance(node, ast.expr) else None
        if text and re.fullmatch(r"podcrawler/[a-z_<>]+", text):
            if "<" not in text:
                yield text
            else:
                assert text == "podcrawler/<outcome>", f"add the values of {text} to this test"
                yield from (f"podcrawler/{outcome}" for outcome in outcomes)


def test_the_docs_name_every_stat() -> None:
    stats = set(_stats())
    assert {"podcrawler/finished", "podcrawler/delayed"} <= stats
    page = _page("queue-keys")
    assert sorted(stat for stat in stats if f"`{stat}`" not in page) == []


# Items


def _item_fields() -> Iterator[tuple[str, str]]:
    """The heading of docs/items.md under which a field must be, and the field."""
    for kind, heading in ((Podcast, "Podcast alone"), (Episode, "Episode alone")):
        both = {field.name for field in fields(Podcast)} & {field.name for field in fields(Episode)}
        yield from (("Podcast and Episode" if f.name in both else heading, f.name) for f in fields(kind))
    kinds = [kind for kind in vars(details).values() if isinstance(kind, type) and is_dataclass(kind)]
    parts = [kind for kind in kinds if not kind.__name__.endswith("Details")]
    yield from ((kind.__name__, field.name) for kind in (*parts, Enclosure) for field in fields(kind))
    yield "Podcast and Episode", "description_text"


def test_the_docs_have_a_table_of_every_field_of_items() -> None:
    sections = re.split(r"^##+ ", _page("items"), flags=re.MULTILINE)
    documented = {
        (section.partition("\n")[0], row[0].strip("`"))
        for section in sections
        for row in _rows(section)[2:]
        if not section.startswith("Values")
    }
    assert documented == set(_item_fields())


def test_the_docs_name_every_element_that_a_field_is_read_from() -> None:
    rows = {row[0].strip("`"): row[2].lower() for row in reversed(_rows(_page("items")))}
    assert "`podcast:season`" in rows["season"]
    missing = [
        (field, element)
        for field, reader in _READERS.items()
        for element in reader.elements
        if not re.search(rf"`{element}[`\s]", rows[field])
    ]
    assert missing == []


# Architecture


def test_the_architecture_names_every_room() -> None:
    rooms = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    assert "queue" in rooms
    page = _page("architecture")
    assert sorted(room for room in rooms if f"| `{room}/` |" not in page) == []


def test_the_architecture_names_every_ground_module() -> None:
    modules = [path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")]
    assert "config.py" in modules
    page = _page("architecture")
    assert sorted(module for module in modules if f"| `{module}` |" not in page) == []


@pytest.mark.parametrize("room", ["http", "queue", "store"])
def test_the_architecture_names_every_module_of_a_large_room(room: str) -> None:
    modules = [path.name for path in (PACKAGE / room).glob("*.py") if path.name != "__init__.py"]
    assert modules
    page = _page("architecture")
    assert sorted(module for module in modules if f"`{module}`" not in page) == []


# Kinds of failures


def _kinds() -> Iterator[str]:
    """The kinds of errors in the code: the first argument of each EntryError, and what the scripts write."""
    errors = {
        name
        for name, error in vars(exceptions).items()
        if inspect.isclass(error) and issubclass(error, exceptions.EntryError)
    }
    for node in _trees():
        match node:
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in errors:
                kind = _text(first)
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"), args=[first, _, *_]
            ):
                kind = _text(first)
            case _:
                continue
        if kind is not None:
            yield kind
    yield from (kind for kind, _, _ in http_errors._EXPLANATIONS.values())
    for script in LUA:
        yield from re.findall(r"to_failed\([^')]*'([^']+)'", script.read_text(encoding="utf-8"))


def test_the_docs_have_a_table_of_every_kind_of_failure() -> None:
    table = _page("commands").split("### Kinds of failures")[1].split("\n## ")[0]
    documented = [row[0] for row in _rows(table)[2:]]
    kinds = set(_kinds())
    assert {"http-<status>", "abandoned", "timeout", "not-media"} <= kinds
    assert sorted(documented) == sorted(f"`{kind}`" for kind in kinds)


# Links


def _links(page: Path) -> list[str]:
    return _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_relative_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in _links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            lost.append(link)
    assert lost == []


def test_the_code_names_no_page_that_does_not_exist() -> None:
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*") if path.suffix in (".py", ".lua")]
    named = {page for source in sources for page in re.findall(r"\bdocs/[\w-]+\.md", source)}
    assert "docs/settings.md" in named
    assert sorted(page for page in named if not (ROOT / page).exists()) == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.stem)
def test_a_readme_leads_to_every_page(readme: Path) -> None:
    assert sorted({f"docs/{page.name}" for page in DOCS} - set(_links(readme))) == []


# The two READMEs


def _blocks(page: Path) -> list[str]:
    """The commands and their output, without comments, and without the picture of the flow, which is translated."""
    blocks = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [re.sub(r" +# .*", "", block) for block in blocks if "►" not in block]


def test_the_readmes_show_the_same_commands() -> None:
    assert any("make run" in block for block in _blocks(README))
    assert _blocks(README_ZH) == _blocks(README)


def test_the_readmes_name_the_same_settings_and_commands() -> None:
    def names(page: Path) -> set[str]:
        # Spans with a blank or with letters of another language may be translated.
        spans = re.findall(r"`([^`\n]+)`", _FENCE.sub("", page.read_text(encoding="utf-8")))
        return {span for span in spans if re.fullmatch(r"[\x21-\x7e]+", span)}

    assert "FILES_STORE" in names(README)
    assert names(README_ZH) == names(README)


def test_the_readmes_lead_to_each_other_and_to_the_same_pages() -> None:
    links, links_zh = _links(README), _links(README_ZH)
    assert links.pop(0) == README_ZH.name
    assert links_zh.pop(0) == README.name
    assert links_zh == links
