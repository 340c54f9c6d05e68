"""What comes from outside is printed so that it can neither command a terminal nor lie in it."""

import io
import json
import logging
import sys
from urllib.parse import quote

import pytest

from podcrawler.printing import json_line, make_log_presentable, printable, say
from tests.builders import seed
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin

#: CSI, a right-to-left override, and the mark of languages that some viewers hide text behind.
HOSTILE = "News\x9b2J\u202egnp.exe\U000e0041"


def shown(output: str) -> str:
    """The output, after a look at each line of it."""
    assert all(line.isprintable() for line in output.replace("\t", " ").split("\n"))
    return output


def test_commands_and_logs_are_printable(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?title={quote(HOSTILE)}&episodes=1&size=10&status=404"
    archived = fleet.run("archive", address)
    assert archived.status == 1
    # The feed reader takes \x9b for what it is in windows-1252.
    assert "2J\ufffdgnp.exe\ufffd: " in shown(archived.out)
    shown(archived.err)

    ((key, entry),) = redis.hgetall("{podcrawler}:episodes:entries").items()
    redis.hset("{podcrawler}:episodes:entries", key, entry.replace(b"Episode 1", b"\\u001b[2J\\u202eEvil"))
    assert "\ufffd[2J\ufffdEvil" in shown(fleet.run("failed").out)
    told = shown(fleet.run("failed", "--json").out)
    assert json.loads(told)["title"] == "\x1b[2J\u202eEvil"
    shown(fleet.run("status", "--json").out)

    seed(redis, f"http://\u202e{HOSTILE}/")
    seed(redis, "\x9b\x1b[2J")
    shown(fleet.drain().err)


@pytest.mark.parametrize(
    "value", ["plain", "\x1b\x9b\u202e\U000e0041\n", "\ud800 alone", {"\u2066": [1, None]}], ids=repr
)
def test_json_says_what_it_was_given(value: object) -> None:
    line = json_line(value)
    assert line.isprintable()
    assert json.loads(line) == value


def test_a_line_is_one_line() -> None:
    assert printable("a\x1b[2Jb\u202ec\nd\ud800") == "a\ufffd[2Jb\ufffdc\ufffdd\ufffd"


def test_what_the_encoding_of_the_output_lacks_is_spelt(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="latin-1", write_through=True))
    say("Café 新聞 \x9b")
    assert written.getvalue().decode("latin-1") == "Café \\u65b0\\u805e \\ufffd\n"


def test_what_others_log_in_a_node_is_printable(fleet: Commands) -> None:
    """Scrapy, its middlewares, and extensions of the user's."""
    own = f"import logging\n\n\nclass Own:\n    def __init__(self):\n        logging.error({HOSTILE!r} + 'http://a:b@c/')\n"
    (fleet.folder / "own.py").write_text(own)
    ended = fleet.drain("-s", 'EXTENSIONS={"own.Own": 0}', PYTHONPATH=str(fleet.folder))
    assert "News\ufffd2J\ufffdgnp.exe\ufffdhttp://***@c/" in shown(ended.err)


def test_tracebacks_in_logs_are_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "_logRecordFactory", logging.getLogRecordFactory())
    make_log_presentable()
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logger.exception("A page fails: %s", "\x9b")
    assert "News\ufffd2J" in shown(written.getvalue())
    assert len(written.getvalue().splitlines()) > 3
