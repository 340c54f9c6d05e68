import asyncio
import fcntl
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import pytest

from podcrawler.store import resume
from podcrawler.store.evidence import Judgement, Verdict
from podcrawler.store.part import PartFile
from podcrawler.store.validators import Validator
from tests.conftest import until

#: A size that is worth keeping.
M = 1_100_000
URL = "https://media.example.org/1.mp3?signature=one"
#: What the nodes of a fleet share.
KEY = b"of the fleet"
SIZE = 10_000_000
VERSION = Validator.from_headers({"ETag": '"abc"'}, url=URL, size=SIZE)


def bytes_of(size: int) -> bytes:
    return (b"podcrawler" * (size // 10 + 1))[:size]


async def leave(
    folder: Path,
    token: str,
    size: int,
    *,
    version: Validator | None = VERSION,
    url: str = URL,
    key: bytes = KEY,
) -> None:
    """What a node that gives up a transfer after ``size`` bytes leaves."""
    part = await asyncio.to_thread(resume.open_part, folder, "1", token, url, key=key)
    await part.begin(Judgement(Verdict.REPLACE, validator=version, size=SIZE))
    await part.write([bytes_of(size)])
    await part.suspend()


async def begin(folder: Path, token: str = "new", url: str = URL) -> tuple[int, str, dict[str, str]]:
    """Begin a transfer as another node: the bytes that are there, their SHA-256, and what is asked of the server. The
    part stays, as that of a node that dies."""
    part = await asyncio.to_thread(resume.open_part, folder, "1", token, url, key=KEY)
    assert part.path == folder / f"1.{token}.part"
    with part.content() as content:
        assert len(content.read()) == part.received
    assert (part.expected == SIZE) == (part.received > 0)
    headers = part.evidence.validator.range_headers(url, part.received) if part.evidence.validator else {}
    found = (part.received, part.sha256, headers)
    await part.suspend()
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def checkpoint(folder: Path, token: str) -> Path:
    return folder / f"1.{token}.json.part"


async def test_a_transfer_goes_on_where_another_left_off(tmp_path: Path) -> None:
    await leave(tmp_path, "old", 3_000_000)
    size, sha256, headers = await begin(tmp_path)
    assert size == 3_000_000
    assert sha256 == hashlib.sha256(bytes_of(size)).hexdigest()
    assert headers == {"Range": "bytes=3000000-", "If-Range": '"abc"'}
    assert names(tmp_path) == ["1.new.json.part", "1.new.part"]


async def test_what_comes_after_is_hashed_and_kept_too(tmp_path: Path) -> None:
    await leave(tmp_path, "old", M)
    part = resume.open_part(tmp_path, "1", "new", URL, key=KEY)
    await part.write([b"more"])
    await asyncio.to_thread(part.seal)
    assert part.path.read_bytes() == bytes_of(M) + b"more"
    assert part.sha256 == hashlib.sha256(bytes_of(M) + b"more").hexdigest()
    await part.suspend()
    assert (await begin(tmp_path, "next"))[0] == M + 4


async def test_the_longest_is_gone_on_with_and_the_others_go(tmp_path: Path) -> None:
    await leave(tmp_path, "short", M)
    # Beside it, as after a time without locks.
    (tmp_path / "aside").mkdir()
    await leave(tmp_path / "aside", "long", 3 * M)
    for path in (tmp_path / "aside").iterdir():
        path.rename(tmp_path / path.name)
    (tmp_path / "aside").rmdir()
    (tmp_path / "1.blind.part").write_bytes(b"x" * 50)
    (tmp_path / "1.orphan.json.part").write_text("{}")
    (tmp_path / "1.orphan.new.json.part").write_text("{}")
    (tmp_path / "11.other.part").write_bytes(b"x")
    (tmp_path / "1.title.mp3").write_bytes(b"x")
    assert (await begin(tmp_path))[0] == 3 * M
    assert names(tmp_path) == ["1.new.json.part", "1.new.part", "1.title.mp3", "11.other.part"]


@pytest.mark.parametrize(
    ("url", "size"),
    [
        ("https://media.example.org/1.mp3?signature=two", 2 * M),
        ("https://media.example.org/2.mp3?signature=one", 0),
        ("https://elsewhere.example.org/1.mp3?signature=one", 0),
    ],
)
async def test_another_enclosure_is_another_file(tmp_path: Path, url: str, size: int) -> None:
    await leave(tmp_path, "old", 2 * M)
    assert (await begin(tmp_path, url=url))[0] == size


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": null}'])
async def test_a_checkpoint_that_cannot_be_read_proves_nothing(tmp_path: Path, text: str) -> None:
    await leave(tmp_path, "old", 2 * M)
    checkpoint(tmp_path, "old").write_text(text)
    assert (await begin(tmp_path))[0] == 0
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["1.old.part", "1.old.json.part"])
async def test_what_a_stranger_has_written_is_not_gone_on_with(tmp_path: Path, name: str) -> None:
    await leave(tmp_path, "old", 2 * M)
    if name == "1.old.part":
        (tmp_path / name).write_bytes(b"x" + bytes_of(2 * M)[1:])
    else:
        (tmp_path / "theirs").mkdir()
        await leave(tmp_path / "theirs", "old", 3 * M, key=b"of a stranger")
        for path in (tmp_path / "theirs").iterdir():
            path.rename(tmp_path / path.name)
    part = resume.open_part(tmp_path, "1", "new", URL, key=KEY)
    assert (part.received, part.sha256, part.evidence.held) == (0, hashlib.sha256().hexdigest(), 0)
    await part.discard()


async def test_what_a_stranger_has_added_is_fetched_again(tmp_path: Path) -> None:
    await leave(tmp_path, "old", 2 * M)
    with (tmp_path / "1.old.part").open("ab") as part:
        part.write(b"x" * M)
    assert (await begin(tmp_path))[0] == 2 * M


async def test_of_a_part_that_lost_its_end_in_a_power_cut_what_was_synced_counts(tmp_path: Path) -> None:
    await leave(tmp_path, "old", 2 * M)
    # Written and never synced, and killed.
    with another_node(tmp_path, M):
        pass
    assert json.loads(checkpoint(tmp_path, "held").read_text())["written"] == 3 * M
    with (tmp_path / "1.held.part").open("r+b") as file:
        file.truncate(2 * M)
        file.truncate(3 * M)
    assert (await begin(tmp_path))[0] == 2 * M


async def test_a_whole_part_still_has_to_be_proven(tmp_path: Path) -> None:
    """By its last byte: a server refuses to send none (RFC 9110 §15.5.17)."""
    await leave(tmp_path, "old", SIZE)
    assert (await begin(tmp_path))[0] == SIZE - 1


async def test_a_part_without_a_version_does_not_stay(tmp_path: Path) -> None:
    await leave(tmp_path, "old", 2 * M, version=None)
    assert names(tmp_path) == []


async def test_a_part_that_is_sooner_fetched_again_does_not_stay(tmp_path: Path) -> None:
    await leave(tmp_path, "old", 1024 * 1024 - 1)
    assert names(tmp_path) == []


async def test_a_published_file_is_never_written_to(tmp_path: Path) -> None:
    """A node that died between giving a part its final name and taking the other away."""
    await leave(tmp_path, "old", 2 * M)
    (tmp_path / "elsewhere.mp3").hardlink_to(tmp_path / "1.old.part")
    assert (await begin(tmp_path))[0] == 0
    assert (tmp_path / "elsewhere.mp3").read_bytes() == bytes_of(2 * M)
    assert names(tmp_path) == ["elsewhere.mp3"]


async def test_a_body_from_the_start_takes_the_checkpoint_away_first(tmp_path: Path) -> None:
    await leave(tmp_path, "old", 2 * M)
    part = resume.open_part(tmp_path, "1", "new", URL, key=KEY)
    await part.begin(Judgement(Verdict.REPLACE, validator=VERSION, size=SIZE))
    assert names(tmp_path) == ["1.new.part"]
    assert part.path.stat().st_size == part.received == 0
    await part.write([b"x"])
    assert part.sha256 == hashlib.sha256(b"x").hexdigest()
    await part.suspend()


#: Another node: takes what is there over, adds bytes, and holds the part until it dies.
NODE = """
import asyncio, pathlib, sys
from podcrawler.store import resume
from podcrawler.store.evidence import Judgement, Verdict
from podcrawler.store.validators import Validator
async def main(folder, url, size):
    part = resume.open_part(pathlib.Path(folder), "1", "held", url, key=b"of the fleet")
    version = Validator.from_headers({"ETag": '"abc"'}, url=url, size=10_000_000)
    verdict = Verdict.CONTINUE if part.received else Verdict.REPLACE
    await part.begin(Judgement(verdict, validator=version, size=10_000_000))
    await part.write([b"podcrawler" * (int(size) // 10)])
    print("held", flush=True)
    sys.stdin.read()
asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def another_node(folder: Path, size: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", NODE, str(folder), URL, str(size)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as node:
        assert node.stdout
        assert node.stdout.readline() == "held\n"
        yield node
        node.kill()


async def test_a_part_of_a_living_node_is_left_alone_and_that_of_a_killed_one_gone_on_with(tmp_path: Path) -> None:
    with another_node(tmp_path, 2_000_000):
        assert (await begin(tmp_path, "mine"))[0] == 0
        resume.clean(tmp_path, "1")
        assert names(tmp_path) == ["1.held.json.part", "1.held.part"]
    assert (await begin(tmp_path))[0] == 2_000_000
    assert names(tmp_path) == ["1.new.json.part", "1.new.part"]


async def test_what_dead_nodes_left_can_be_cleaned_up(tmp_path: Path) -> None:
    await leave(tmp_path, "old", 2 * M)
    (tmp_path / "2.other.part").write_bytes(b"x")
    resume.clean(tmp_path, "1")
    assert names(tmp_path) == ["2.other.part"]
    resume.clean(tmp_path / "not-there", "1")


async def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"x")
    (tmp_path / "1.t.part").symlink_to(target)
    assert (await begin(tmp_path))[0] == 0
    resume.clean(tmp_path, "1")
    assert target.read_bytes() == b"x"


async def test_a_part_that_was_renamed_while_it_was_looked_for_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave(tmp_path, "old", 2 * M)
    flock = fcntl.flock

    def taken_meanwhile(file: int, how: int) -> None:
        (tmp_path / "1.old.part").rename(tmp_path / "elsewhere")
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", taken_meanwhile)
    resume.clean(tmp_path, "1")
    assert (tmp_path / "elsewhere").read_bytes() == bytes_of(2 * M)


async def test_a_growing_part_is_brought_to_the_disk_now_and_then(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "1.t.part")
    await part.begin(Judgement(Verdict.REPLACE, validator=VERSION))
    for _ in range(40):
        await part.write([bytes(1024 * 1024)])
    await asyncio.to_thread(
        until, lambda: json.loads(checkpoint(tmp_path, "t").read_text())["synced"] >= 16 * 1024 * 1024
    )
    await part.suspend()
