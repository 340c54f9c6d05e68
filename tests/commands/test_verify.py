"""``verify``: what it finds in an archive of real downloads that was damaged in many ways, and how it is repaired."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from podcrawler.store import sidecar
from podcrawler.store.fs import open_folder
from podcrawler.store.journal import correct_manifest
from tests.archives import put_episode, put_podcast
from tests.builders import file_sha256, media_requests, sha256
from tests.conftest import Client, Commands, until
from tests.disks import fill, small_disk
from tests.origin import RunningOrigin

COUNT, SIZE = 24, 5000
SHOW = "show-0a1b2c3d"


class Archived:
    """A podcast that was downloaded from the origin."""

    def __init__(self, fleet: Commands, origin: RunningOrigin) -> None:
        self.address = f"{origin.address}/feed.xml?episodes={COUNT}&size={SIZE}&title=Show"
        assert fleet.run("archive", self.address).status == 0
        (line,) = fleet.run("podcasts", "--json").out.splitlines()
        self.id: str = json.loads(line)["id"]
        self.folder: Path = fleet.archive / self.id

    def file(self, number: int) -> Path:
        return self.folder / f"episode-{number}.Episode {number}.mp3"

    def sidecar(self, number: int) -> Path:
        return self.file(number).with_name(f"{self.file(number).name}.json")

    def is_whole(self) -> bool:
        """Whether all files are those of the origin, and the manifest says so, too."""
        check = subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "manifest-sha256.txt"], cwd=self.folder)
        lines = (self.folder / "manifest-sha256.txt").read_text(encoding="utf-8").splitlines()
        digests = [file_sha256(self.file(number)) for number in range(1, COUNT + 1)]
        return (
            check.returncode == 0
            and len(lines) == COUNT
            and digests == [sha256(SIZE, number) for number in range(1, COUNT + 1)]
        )

    def events(self) -> list[dict[str, Any]]:
        lines = (self.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def archived(fleet: Commands, origin: RunningOrigin) -> Archived:
    return Archived(fleet, origin)


def flip(path: Path) -> None:
    """Change one bit, and neither the size nor the time of change."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def swap(path: Path, other: Path) -> None:
    aside = path.with_name("aside")
    path.rename(aside)
    other.rename(path)
    aside.rename(other)


def found(fleet: Commands, *options: str, status: int = 1, **environment: str) -> list[tuple[str, str]]:
    """The findings with their files, in order."""
    result = fleet.run("verify", "--json", *options, **environment)
    assert result.status == status, result.err
    lines = [json.loads(line) for line in result.out.splitlines()]
    return sorted((line["finding"], line["file"]) for line in lines)


def test_all_damage_is_found_and_repaired_from_the_origin(
    fleet: Commands, archived: Archived, origin: RunningOrigin
) -> None:
    assert found(fleet, "--deep", status=0) == []
    file, described = archived.file, archived.sidecar
    for number in (1, 2, 3):
        flip(file(number))
    for number, size in ((4, 0), (5, 1), (6, SIZE - 1)):
        os.truncate(file(number), size)
    swap(file(7), file(8))
    swap(file(9), file(10))
    file(11).rename(archived.folder / "episode-11.Another title.mp3")
    file(12).rename(archived.folder / "my favourite")
    for number in (13, 14, 15):
        file(number).unlink()
    described(16).write_bytes(described(16).read_bytes()[:100])
    text = described(17).read_text(encoding="utf-8")
    described(17).write_text(text.replace(sha256(SIZE, 17), sha256(SIZE, 17)[::-1]), encoding="utf-8")
    described(18).unlink()
    file(19).unlink()
    described(19).unlink()
    shutil.copy(file(21), file(20))
    swap(described(22), described(23))
    damage = sorted(
        [("damaged", file(number).name) for number in (1, 2, 3, 4, 5, 6, 20)]
        + [("misnamed", file(number).name) for number in (7, 8, 9, 10)]
        + [("misnamed", "episode-11.Another title.mp3"), ("misnamed", "my favourite")]
        + [("missing", file(number).name) for number in (13, 14, 15, 19)]
        + [("broken-sidecar", described(number).name) for number in (16, 17)]
        + [("unknown", file(18).name)]
        + [("misnamed", described(number).name) for number in (22, 23)]
    )
    assert found(fleet, "--deep") == damage
    # Nothing is changed by looking, and what has another size is found without reading.
    assert found(fleet, "--deep") == damage
    shallow = found(fleet)
    assert set(shallow) < set(damage)
    assert {("damaged", file(6).name), ("missing", file(13).name), ("unknown", file(18).name)} < set(shallow)

    origin.reset()
    repaired = fleet.run("verify", "--deep", "--repair")
    assert repaired.status == 1
    assert f"set aside as {file(1).name}.old, queued again" in repaired.out
    assert fleet.run("archive", archived.address).status == 0
    assert media_requests(origin) == 7 + 4
    assert archived.is_whole()
    assert file(5).with_name(f"{file(5).name}.old").stat().st_size == 1
    assert found(fleet, "--deep", status=0) == []
    again = fleet.run("verify", "--repair")
    assert again.status == 0
    assert "11 files are back that were damaged." in again.out
    assert "back" not in fleet.run("verify", "--repair").out
    events = [(event["event"], event["episode"].rpartition("-")[2]) for event in archived.events()]
    lost = sorted(map(str, (1, 2, 3, 4, 5, 6, 13, 14, 15, 19, 20)))
    assert sorted(number for event, number in events if event == "damaged") == lost
    assert set(lost) <= {number for event, number in events if event == "repaired"}


def test_what_comes_back_as_another_file_is_another_version(fleet: Commands, archived: Archived) -> None:
    described = archived.sidecar(1)
    text = described.read_text(encoding="utf-8")
    described.write_text(text.replace("seed=1", "seed=99"), encoding="utf-8")
    archived.file(1).unlink()
    archived.file(2).unlink()
    assert "queued again" in fleet.run("verify", "--repair").out
    assert fleet.drain().status == 0
    assert fleet.run("verify", "--repair").status == 0
    events = {(event["event"], event["episode"], event["sha256"]) for event in archived.events()}
    assert ("damaged", f"{archived.id}/episode-1", sha256(SIZE, 1)) in events
    assert ("versioned", f"{archived.id}/episode-1", sha256(SIZE, 99)) in events
    assert ("repaired", f"{archived.id}/episode-2", sha256(SIZE, 2)) in events
    assert "episode-1" not in [event["episode"] for event in archived.events() if event["event"] == "repaired"]


def test_what_another_store_has_is_not_missed_and_not_fetched(
    fleet: Commands, archived: Archived, origin: RunningOrigin, redis: Client
) -> None:
    record = f"{{podcrawler}}:finished:{archived.id}"
    redis.hset(record, mapping={"episode-1": f"{SIZE} 01234567", "episode-98": f"{SIZE} 01234567"})
    (store,) = {value.split()[1].decode() for value in redis.hvals(record)} - {"01234567"}
    redis.hset(record, "episode-99", f"{SIZE} {store}")
    flip(archived.file(1))
    assert found(fleet, "--deep") == [("damaged", archived.file(1).name), ("missing", "episode-99")]
    origin.reset()
    repaired = fleet.run("verify", "--deep", "--repair")
    assert "another store is recorded to have it" in repaired.out
    assert "no file of the episode is there; queued again when its podcast lists it" in repaired.out
    assert fleet.drain().status == 0
    assert media_requests(origin) == 0
    assert found(fleet, "--deep") == [("damaged", archived.file(1).name)]


def test_what_is_gone_on_purpose_is_not_missing(fleet: Commands, archived: Archived) -> None:
    assert fleet.run("keep", archived.id, "--keep", str(COUNT - 1)).status == 0
    archived.file(2).unlink()
    assert fleet.run("forget", f"{archived.id}/episode-2").status == 0
    assert not archived.file(1).exists()
    assert found(fleet, status=0) == []


def test_where_a_whole_folder_is_missing_nothing_is_concluded(
    fleet: Commands, archived: Archived, origin: RunningOrigin
) -> None:
    archived.folder.rename(fleet.folder / "elsewhere")
    origin.reset()
    for options in ([], ["--repair"], [archived.id, "--repair"]):
        result = fleet.run("verify", *options)
        assert result.status == 1
        assert f"its folder is not there, where {COUNT} files are archived: see that its disk is mounted" in result.out
    assert fleet.drain().status == 0
    assert media_requests(origin) == 0


# A bare copy, without Redis


def test_a_bare_copy_is_verified_and_left_as_it_is(commands: Commands) -> None:
    copy = commands.folder / "copy"
    for podcast_id in (SHOW, "other"):
        put_podcast(copy, podcast_id)
        for number in (1, 2, 3):
            put_episode(copy, f"{podcast_id} {number}".encode() * 20, podcast_id, number)
    assert fill_manifests(copy) == 6
    before = sorted(copy.rglob("*"))
    result = commands.run("verify", "-s", f"FILES_STORE={copy}")
    assert (result.status, result.out, result.err) == (0, "6 files (1.3 kB): all well.\n", "")
    assert sorted(copy.rglob("*")) == before
    whole = commands.run("verify", "--deep", FILES_STORE=str(copy))
    assert (whole.status, whole.out) == (0, "6 files (1.3 kB), 6 of them read: all well.\n")
    flip(copy / SHOW / "1.Episode 1.mp3")
    (copy / "other" / "2.Episode 2.mp3").rename(copy / SHOW / "2.Episode 2.mp3.old")
    assert found(commands, "--deep", FILES_STORE=str(copy)) == [
        ("damaged", "1.Episode 1.mp3"),
        ("misnamed", "2.Episode 2.mp3.old"),
    ]
    assert found(commands, "other", FILES_STORE=str(copy)) == [("missing", "2.Episode 2.mp3")]
    repaired = commands.run("verify", "--deep", "--repair", FILES_STORE=str(copy))
    assert repaired.status == 1
    assert "is left as it is, because there is no Redis to queue it in: set REDIS_URL" in repaired.err
    assert found(commands, "--deep", FILES_STORE=str(copy)) == [("damaged", "1.Episode 1.mp3")]
    assert not (copy / ".podcrawler" / "redis").exists()


def fill_manifests(root: Path) -> int:
    """Have the manifests list all that have sidecars; how many that are."""
    count = 0
    for folder in root.iterdir():
        media = {path.name: file_sha256(path) for path in folder.glob("*.mp3")}
        with open_folder(folder) as opened:
            correct_manifest(opened, media)
        count += len(media)
    return count


def test_manifests_and_sidecars_are_made_anew(commands: Commands) -> None:
    put_podcast(commands.archive)
    paths = [put_episode(commands.archive, b"\0audio" * (10 + number), number=number) for number in (1, 2, 3, 4)]
    for path in paths[1:3]:
        path.with_name(f"{path.name}.json").unlink()
    # A web page is no media.
    paths[2].write_text("<!DOCTYPE html><title>Sorry</title>")
    manifest = paths[0].with_name("manifest-sha256.txt")
    manifest.write_text(f"{'0' * 64}  {paths[0].name}\n{'1' * 64}  notes.txt\n")
    assert found(commands) == [
        ("manifest", manifest.name),
        ("unknown", paths[1].name),
        ("unknown", paths[2].name),
    ]
    repaired = commands.run("verify", "--repair")
    assert f"{paths[2].name}  it has no sidecar; left as it is: the file is no media by its bytes" in repaired.out
    assert found(commands) == [("unknown", paths[2].name)]
    lines = manifest.read_text(encoding="utf-8").splitlines()
    assert sorted(lines) == sorted(
        [f"{'1' * 64}  notes.txt", *(f"{file_sha256(path)}  {path.name}" for path in (paths[0], paths[1], paths[3]))]
    )
    made = sidecar.loads(paths[1].with_name(f"{paths[1].name}.json").read_bytes())
    assert (made.capture, made.file.sha256) == (None, file_sha256(paths[1]))
    assert (made.episode.id, made.episode.podcast_id, made.episode.title) == ("2", SHOW, "Episode 2")


def test_no_name_in_a_sidecar_leads_out_of_its_folder(commands: Commands) -> None:
    put_podcast(commands.archive)
    path = put_episode(commands.archive, b"\0audio" * 10)
    described = path.with_name(f"{path.name}.json")
    hostile = described.read_text(encoding="utf-8").replace(path.name, "1.x/../../../gone.mp3")
    described.write_text(hostile, encoding="utf-8")
    assert found(commands) == [("broken-sidecar", described.name)]
    commands.run("verify", "--repair")
    assert found(commands, "--deep", status=0) == []
    assert described.with_name(f"{described.name}.old").read_text(encoding="utf-8") == hostile
    path.unlink()
    path.symlink_to("/etc/hostname")
    assert found(commands) == [("missing", path.name)]


def test_an_interrupted_run_goes_on(commands: Commands) -> None:
    put_podcast(commands.archive)
    first, second, endless = (put_episode(commands.archive, b"x" * number, number=number) for number in (1, 2, 3))
    described = endless.with_name(f"{endless.name}.json")
    described.write_text(described.read_text(encoding="utf-8").replace('"size": 3', f'"size": {2**40}'))
    os.truncate(endless, 2**40)
    notes = commands.archive / ".podcrawler" / "verified.jsonl"
    with commands.start("verify", "--deep") as process:
        until(lambda: notes.exists() and notes.read_text().count("\n") == 2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; run the same command again to continue." in err
    endless.unlink()
    described.unlink()
    # What was changed since is read again.
    second.write_bytes(b"y")
    result = commands.run("verify", "--deep")
    assert "Goes on with a run of" in result.err
    assert "2 files (2 bytes), 1 of them read, 1 before the interruption: 1 damaged" in result.out
    assert first.exists()
    assert "2 files (2 bytes), 2 of them read: 1 damaged" in commands.run("verify", "--deep").out


def test_nothing_to_verify_ends_in_a_sentence(commands: Commands) -> None:
    result = commands.run("verify")
    assert result.status == 2
    assert "There is no archive in archive that can be read" in result.err
    put_podcast(commands.archive)
    wrong = commands.run("verify", "show-0a1b2c3e")
    assert wrong.status == 2
    assert f"There is no podcast show-0a1b2c3e in this archive; did you mean {SHOW}?" in wrong.err
    bucket = commands.run("verify", FILES_STORE="s3://bucket/archive")
    assert bucket.status == 2
    assert "The store s3://bucket/archive is no folder, and this command works on files" in bucket.err


def test_a_redis_that_is_away_is_told(commands: Commands) -> None:
    put_podcast(commands.archive)
    put_episode(commands.archive, b"x" * 100)
    looked = commands.run("verify", "--deep", REDIS_URL="redis://127.0.0.1:1")
    assert "Only files are compared, and not the record of what was archived" in looked.err
    assert looked.status == 1
    assert commands.run("verify", "--repair", REDIS_URL="redis://127.0.0.1:1").status == 2


def test_a_full_disk_is_verified_and_says_what_keeps_it_from_being_repaired(fleet: Commands) -> None:
    with small_disk(fleet.archive, 100_000) as disk:
        put_podcast(disk)
        put_episode(disk, b"\0audio" * 100)
        fill(disk)
        looked = fleet.run("verify", "--deep")
        assert (looked.status, looked.err) == (1, "")
        assert "1 file (600 bytes), 1 of them read: 1 manifest." in looked.out
        repaired = fleet.run("verify", "--deep", "--repair")
        told = "archive cannot be written, because its disk is full; free some space, and run this again.\n"
        assert (repaired.status, repaired.err) == (1, f"podcrawler: {told}")
