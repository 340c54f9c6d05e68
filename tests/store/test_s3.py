import asyncio
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scrapy.settings import Settings

from podcrawler.exceptions import MediaError, StoreError
from podcrawler.store.base import Store
from podcrawler.store.factory import open_store
from podcrawler.store.names import destination
from podcrawler.store.sidecar import Sidecar, load_podcast, loads
from tests.builders import seed, sha256
from tests.changing_web import Web, changing_web
from tests.conftest import Client, Commands
from tests.media.beside import ALL, CHAPTERS, PICTURE, asked, cover, everything, feed_of
from tests.origin import RunningOrigin, content
from tests.stand_in import Page
from tests.store.buckets import CREDENTIALS, RunningBuckets, running

MB = 1_000_000
PAGE = b"<!DOCTYPE html><title>Sorry</title>"


@pytest.fixture(scope="module")
def _buckets() -> Iterator[RunningBuckets]:
    with running() as buckets:
        yield buckets


@pytest.fixture
def buckets(_buckets: RunningBuckets) -> RunningBuckets:
    """The server, with an empty bucket."""
    _buckets.fail(0)
    client = _buckets.client
    client.create_bucket(Bucket="archive")
    for found in client.list_objects_v2(Bucket="archive").get("Contents", ()):
        client.delete_object(Bucket="archive", Key=found["Key"])
    return _buckets


def settings(buckets: RunningBuckets, tmp_path: Path, **more: object) -> Settings:
    values = {**CREDENTIALS, "AWS_ENDPOINT_URL": buckets.address, "PODCRAWLER_SPOOL_DIR": str(tmp_path / "spool")}
    return Settings({**values, "FILES_STORE": "s3://archive/my/podcasts", **more})


@pytest.fixture
def store(buckets: RunningBuckets, tmp_path: Path) -> Store:
    return open_store(settings(buckets, tmp_path))


def objects(buckets: RunningBuckets) -> dict[str, int]:
    found = buckets.client.list_objects_v2(Bucket="archive").get("Contents", ())
    return {one["Key"]: one["Size"] for one in found}


def body(buckets: RunningBuckets, key: str) -> bytes:
    return bytes(buckets.client.get_object(Bucket="archive", Key=key)["Body"].read())


def spooled(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "spool").glob("*/*")]


def archive(store: Store, body: bytes, name: str = "1.title.mp3", path: str = "") -> tuple[str, int]:
    episode = name.partition(".")[0]
    part = store.new_part("show", episode, "token", "https://h/1")
    part.buffer([body])
    try:
        published = store.publish(part, destination("show", episode, path or f"show/{name}"), lambda: True)
    finally:
        asyncio.run(part.discard())
    assert published
    return published.path, published.size


def test_a_part_becomes_an_object(store: Store, buckets: RunningBuckets, tmp_path: Path) -> None:
    store.check()
    assert objects(buckets) == {}
    assert store.find("show", "1") is None
    assert archive(store, b"\0udio" * 20) == ("show/1.title.mp3", 100)
    assert store.find("show", "1") == ("show/1.title.mp3", 100)
    assert store.find("show", "11") is None
    assert objects(buckets) == {"my/podcasts/show/1.title.mp3": 100}
    assert spooled(tmp_path) == []


def test_a_large_file_goes_in_pieces_and_one_that_fails_is_sent_again(
    store: Store, buckets: RunningBuckets, tmp_path: Path
) -> None:
    body = b"".join(content(20 * MB, seed=3))
    before = buckets.counts()
    buckets.fail(1)
    assert archive(store, body) == ("show/1.title.mp3", 20 * MB)
    counts = buckets.counts()
    assert counts["PUT part"] - before.get("PUT part", 0) == 4, "three pieces, one of them twice"
    found = buckets.client.get_object(Bucket="archive", Key="my/podcasts/show/1.title.mp3")["Body"].read()
    assert hashlib.sha256(found).digest() == hashlib.sha256(body).digest()
    assert spooled(tmp_path) == []


def test_what_the_bucket_refused_waits_and_is_uploaded_by_the_next_lease(
    store: Store, buckets: RunningBuckets, tmp_path: Path
) -> None:
    for size in (100, 9 * MB):
        buckets.fail(1000)
        with pytest.raises(MediaError, match="answers with an error") as caught:
            archive(store, (b"\0udio" * size)[:size], f"{size}.title.mp3")
        assert (caught.value.kind, caught.value.failure_class) == ("store-error", "passing")
        assert objects(buckets).get(f"my/podcasts/show/{size}.title.mp3") is None
        assert spooled(tmp_path) == [f"{size}.title.mp3"]
        buckets.fail(0)
        assert store.find("show", str(size)) == (f"show/{size}.title.mp3", size)
        assert objects(buckets)[f"my/podcasts/show/{size}.title.mp3"] == size
        assert spooled(tmp_path) == []
    uploads = buckets.client.list_multipart_uploads(Bucket="archive").get("Uploads", [])
    assert uploads == []


def test_an_object_is_never_replaced(store: Store, buckets: RunningBuckets, tmp_path: Path) -> None:
    key = "my/podcasts/show/1.title.mp3"
    buckets.client.put_object(Bucket="archive", Key=key, Body=b"\0as here first")
    assert archive(store, b"\0udio") == ("show/1.title.mp3", 14)
    assert objects(buckets) == {key: 14}
    assert spooled(tmp_path) == []


def test_a_broken_object_is_neither_taken_nor_touched(store: Store, buckets: RunningBuckets) -> None:
    key = "my/podcasts/show/1.title.mp3"
    buckets.client.put_object(Bucket="archive", Key=key, Body=PAGE)
    assert store.find("show", "1") is None
    other = destination("show", "1", "show/1.title.mp3").disambiguated().path
    assert archive(store, b"\0udio") == (other, 5)
    assert store.find("show", "1") == (other, 5)
    assert objects(buckets) == {key: len(PAGE), f"my/podcasts/{other}": 5}


def test_a_name_that_a_user_chose_never_stands_for_another_file(store: Store, buckets: RunningBuckets) -> None:
    assert archive(store, b"\0ne", "1.t.mp3", "2026/Pilot.mp3") == ("2026/Pilot.mp3", 3)
    other = destination("show", "2", "2026/Pilot.mp3").disambiguated().path
    assert archive(store, b"\0wo", "2.t.mp3", "2026/Pilot.mp3") == (other, 3)
    assert archive(store, b"\0wo", "2.t.mp3", "2026/Pilot.mp3") == (other, 3)
    assert objects(buckets) == {"my/podcasts/2026/Pilot.mp3": 3, f"my/podcasts/{other}": 3}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"FILES_STORE": "s3://nowhere"}, "The store s3://nowhere/ does not exist: create it"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "cannot be reached"),
        ({"AWS_ENDPOINT_URL": "no address"}, "correct the AWS_ settings"),
        ({"FILES_STORE": "gs://archive"}, "of a kind that podcrawler does not know"),
    ],
)
def test_a_store_that_cannot_be_used_ends_in_a_sentence(
    buckets: RunningBuckets, tmp_path: Path, values: dict[str, object], words: str
) -> None:
    with pytest.raises(StoreError, match=words):
        open_store(settings(buckets, tmp_path, **values)).check()


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[RunningBuckets, dict[str, str]]]:
    """A server with the bucket ``archive``, and the credentials of a user who may only read."""
    with running(open_requests=4) as buckets:
        buckets.client.create_bucket(Bucket="archive")
        people = buckets.client_of("iam")
        people.create_user(UserName="reader")
        key = people.create_access_key(UserName="reader")["AccessKey"]
        may = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        people.put_user_policy(UserName="reader", PolicyName="reading", PolicyDocument=policy)
        yield (
            buckets,
            {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]},
        )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "refuses these credentials: they need s3:ListBucket, s3:GetObject and s3:PutObject"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "refuses the secret key: correct AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "unknown"}, "does not know the access key: correct AWS_ACCESS_KEY_ID"),
    ],
)
def test_credentials_that_do_not_do_end_in_a_sentence(
    guarded: tuple[RunningBuckets, dict[str, str]], tmp_path: Path, wrong: dict[str, str], words: str
) -> None:
    buckets, reader = guarded
    with pytest.raises(StoreError, match=words):
        open_store(settings(buckets, tmp_path, **{**reader, **wrong})).check()


def test_without_boto3_it_says_how_to_get_it(
    buckets: RunningBuckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("s3", "bucket"):
        monkeypatch.delitem(sys.modules, f"podcrawler.store.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(StoreError, match=r"pip install 'podcrawler\[s3\]'"):
        open_store(settings(buckets, tmp_path))


def test_a_node_archives_into_a_bucket_and_downloads_nothing_twice(
    fleet: Commands, redis: Client, origin: RunningOrigin, buckets: RunningBuckets
) -> None:
    options = [f"{name}={value}" for name, value in CREDENTIALS.items()]
    options += [f"AWS_ENDPOINT_URL={buckets.address}", "PODCRAWLER_RETRY_DELAY=0.01"]
    arguments = [word for option in options for word in ("-s", option)]
    fleet.environment["FILES_STORE"] = "s3://archive"
    buckets.fail(4)
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size={MB}")
    ended = fleet.drain(*arguments)
    assert ended.status == 0, ended.err
    assert "[store-error]" in ended.err
    assert [size for name, size in objects(buckets).items() if name.endswith(".mp3")] == [MB]
    assert sum(count for path, count in origin.counts().items() if path.startswith("/bytes/")) == 1
    assert [path for path in (fleet.folder / ".podcrawler" / "spool").rglob("*") if path.is_file()] == []


def test_a_node_describes_what_it_archives_into_a_bucket(
    fleet: Commands, redis: Client, origin: RunningOrigin, buckets: RunningBuckets
) -> None:
    options = [f"{name}={value}" for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": buckets.address}.items()]
    arguments = [word for option in options for word in ("-s", option)]
    fleet.environment["FILES_STORE"] = "s3://archive"

    def archived() -> dict[str, Sidecar]:
        redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?title=Show&episodes=2&size={MB}")
        ended = fleet.drain(*arguments)
        assert ended.status == 0, ended.err
        folder, _, _ = next(iter(objects(buckets))).rpartition("/")
        files = [name for name in objects(buckets) if name.endswith(".mp3")]
        assert set(objects(buckets)) == {f"{folder}/podcast.json", *files, *(f"{name}.json" for name in files)}
        assert load_podcast(body(buckets, f"{folder}/podcast.json")).podcast.title == "Show"
        return {name: loads(body(buckets, f"{name}.json")) for name in files}

    told = archived()
    assert sorted(one.file.sha256 or "" for one in told.values()) == sorted(sha256(MB, number) for number in (1, 2))
    assert all(one.capture and one.file.name == name.partition("/")[2] for name, one in told.items())
    # A node died before it could put one of them.
    bare, other = told
    buckets.client.delete_object(Bucket="archive", Key=f"{bare}.json")
    redis.flushall()
    again = archived()
    assert again[other] == told[other]
    assert again[bare].capture is None
    assert again[bare].file.sha256 == told[bare].file.sha256
    assert not (fleet.folder / "archive" / "README.txt").exists()


def test_a_node_archives_what_is_beside_a_file_into_a_bucket(
    fleet: Commands, redis: Client, buckets: RunningBuckets
) -> None:
    """Once more what is missing there, and nothing over what somebody else has put."""
    options = {**CREDENTIALS, "AWS_ENDPOINT_URL": buckets.address, "FILES_STORE": "s3://archive"}
    arguments = [word for name, value in options.items() for word in ("-s", f"{name}={value}")]

    def archived(web: Web) -> dict[str, bytes]:
        web.asked.clear()
        seed(redis, f"{web.address}/feed.xml")
        ended = fleet.drain(*ALL, *arguments)
        assert ended.status == 0, ended.err
        found = (key for key in objects(buckets) if not key.endswith((".mp3", ".mp3.json", "podcast.json")))
        return {key.rpartition("/")[2]: body(buckets, key) for key in found}

    with changing_web() as web:
        picture = PICTURE + b"of the show"
        web.pages["/show.jpg"] = Page(picture, "image/jpeg")
        web.pages["/feed.xml"] = feed_of(cover(f"{web.address}/show.jpg"), everything(web))
        found = archived(web)
        assert found.pop("cover.jpg") == picture
        assert (found["one.One more.jpg"], found["one.One more.chapters.json"]) == (PICTURE, CHAPTERS)
        assert set(found) == {
            f"one.One more.{ending}"
            for ending in ("jpg", "zh-Hant.vtt", "zh-Hant.2.vtt", "srt", "html.txt", "chapters.json")
        }
        (key,) = (key for key in objects(buckets) if key.endswith(".mp3.json"))
        told = loads(body(buckets, key))
        assert {one.name: one.sha256 for one in told.beside} == {
            name: hashlib.sha256(content).hexdigest() for name, content in found.items()
        }
        redis.flushall()
        folder = key.rpartition("/")[0]
        buckets.client.delete_object(Bucket="archive", Key=f"{folder}/one.One more.jpg")
        buckets.client.put_object(Bucket="archive", Key=f"{folder}/one.One more.srt", Body=b"mine")
        again = archived(web)
        assert again.pop("cover.jpg") == picture
        (record,) = (key for key in objects(buckets) if key.endswith("podcast.json"))
        assert load_podcast(body(buckets, record)).cover
        assert asked(web) == ["/one.jpg", "/one.srt"]
        assert again == found | {"one.One more.srt": b"mine", "one.One more.2.srt": found["one.One more.srt"]}
    assert list((fleet.folder / ".podcrawler" / "spool").rglob("*.*")) == []


def test_the_log_shows_nothing_that_opens_the_bucket(
    fleet: Commands, redis: Client, origin: RunningOrigin, buckets: RunningBuckets
) -> None:
    options = [f"{name}={value}" for name, value in {**CREDENTIALS, "AWS_SESSION_TOKEN": "hush"}.items()]
    options.append(f"AWS_ENDPOINT_URL={buckets.address}")
    fleet.environment["FILES_STORE"] = "s3://archive"
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size={MB}")
    ended = fleet.drain("-L", "DEBUG", *(word for option in options for word in ("-s", option)))
    assert ended.status == 0, ended.err
    assert "DEBUG" in ended.err
    assert [line for line in ended.err.splitlines() if "hush" in line or "Signature=" in line] == []


def test_a_bucket_that_refuses_costs_a_try_and_leaves_but_the_file(
    fleet: Commands, redis: Client, origin: RunningOrigin, buckets: RunningBuckets
) -> None:
    options = [f"{name}={value}" for name, value in CREDENTIALS.items()]
    options += [f"AWS_ENDPOINT_URL={buckets.address}", "PODCRAWLER_MAX_TRIES=1"]
    fleet.environment["FILES_STORE"] = "s3://archive"
    buckets.fail(1000)
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size={4 * MB}")
    ended = fleet.drain(*(word for option in options for word in ("-s", option)))
    buckets.fail(0)
    assert ended.status == 1, ended.err
    assert "will be tried again" not in ended.err
    spool = fleet.folder / ".podcrawler" / "spool"
    assert [path.suffix for path in spool.rglob("*") if path.is_file()] == [".mp3"]
