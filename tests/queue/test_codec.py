"""Requests as JSON: nothing is lost on the way, and nothing but a request comes back."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request, Spider
from scrapy.http import JsonRequest, Response

from podcrawler.details import AlternateEnclosure, Chapter, Source
from podcrawler.exceptions import CodecError
from podcrawler.items import Enclosure, Episode
from podcrawler.queue import codec
from podcrawler.queue.entries import entry_of, episode_request, page_request
from podcrawler.queue.requests import dict_to_request, request_to_dict

# Any text of Python, lone surrogates too.
texts = st.text(st.characters(codec=None, exclude_categories=[]))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts | st.binary()
keys = st.text() | st.binary() | st.integers() | st.tuples(st.text(), st.integers())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys, inner) | st.sets(st.text() | st.binary())
    ),
    max_leaves=20,
)
header_texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
requests = st.builds(
    Request,
    url=st.sampled_from(["http://example.com/", "https://example.com/a%20b?c=d&e=%C3%A9#f", "http://例え.テスト/音"]),
    method=st.sampled_from(["GET", "POST", "PUT"]),
    headers=st.dictionaries(header_texts, st.lists(st.binary(), min_size=1)),
    body=st.binary() | st.text(),
    cookies=st.dictionaries(header_texts, texts)
    | st.lists(
        st.fixed_dictionaries({"name": texts, "value": texts}, optional={"domain": texts, "secure": st.booleans()})
    ),
    meta=st.dictionaries(st.text().filter(lambda name: name not in ("lease", "part")), values),
    cb_kwargs=st.dictionaries(st.text(), values),
    priority=st.integers(-100, 100),
    dont_filter=st.booleans(),
    flags=st.lists(st.text()),
)


def there_and_back(request: Request, spider: Spider | None = None) -> Request:
    text = codec.dumps(request_to_dict(request, spider))
    json.loads(text.encode())
    return dict_to_request(codec.loads(text.encode()), spider)


@given(values)
def test_values_survive(value: Any) -> None:
    back = codec.loads(codec.dumps(value))
    assert back == value
    assert type(back) is type(value)


@given(requests)
def test_requests_survive(request: Request) -> None:
    assert there_and_back(request).to_dict() == request.to_dict()


def test_a_float_that_json_does_not_know_survives() -> None:
    assert str(codec.loads(codec.dumps([float("nan"), float("inf"), float("-inf")]))) == "[nan, inf, -inf]"


def test_an_episode_survives_and_can_be_read() -> None:
    episode = Episode(
        id="1",
        podcast_id="show",
        title="Größe: “5/6” 音",
        enclosure=Enclosure("https://example.com/1.mp3?sig=a%2Bb", "audio/mpeg", 5),
        published=datetime(2024, 1, 2, 3, 4, tzinfo=UTC),
        duration=60,
    )
    request = episode_request(episode)
    assert there_and_back(request).meta["episode"] == episode
    readable = json.loads(codec.dumps(request_to_dict(request)))
    assert readable["url"] == "https://example.com/1.mp3?sig=a%2Bb"
    assert readable["meta"]["episode"]["$episode"]["published"] == "2024-01-02T03:04:00Z"
    assert set(readable) == {"url", "meta", "dont_filter"}


def test_what_feeds_tell_of_an_episode_survives_and_no_text_is_queued_twice() -> None:
    episode = Episode("1", "show", "Tea", description="<p>Tea</p>", season=2, episode=1.5, explicit=False)
    episode.alternate_enclosures = [AlternateEnclosure("audio/opus", sources=[Source("ipfs://Qm1")])]
    episode.chapters = [Chapter(0.0, "Tea")]
    request = episode_request(replace(episode, page="http://x/"))
    back = there_and_back(request).meta["episode"]
    assert back == request.meta["episode"]
    assert [type(part) for part in (back.episode, *back.chapters, *back.alternate_enclosures[0].sources)] == [
        float,
        Chapter,
        Source,
    ]
    queued = json.loads(codec.dumps(request_to_dict(request)))["meta"]["episode"]["$episode"]
    assert queued["alternate_enclosures"] == [{"type": "audio/opus", "sources": [{"uri": "ipfs://Qm1"}]}]
    assert "description_text" not in queued


def test_an_episode_of_another_version_is_read() -> None:
    """Of an older one, which knew fewer fields, and of a newer one, which knows more."""
    fields = {"id": "1", "podcast_id": "show", "title": "Tea", "mood": "calm", "enclosure": {"url": "u", "bits": 16}}
    assert codec.loads(json.dumps({"$episode": fields})) == Episode("1", "show", "Tea", enclosure=Enclosure("u"))


def test_the_class_of_a_request_survives() -> None:
    assert isinstance(there_and_back(JsonRequest("http://x/", data={"a": 1})), JsonRequest)


def test_callbacks_are_methods_of_the_spider() -> None:
    class Own(Spider):
        name = "own"
        queue_callbacks = ("parse_other",)

        def parse_other(self, response: Response) -> None: ...

    def stranger(response: Response) -> None: ...

    spider = Own()
    assert there_and_back(Request("http://x/", callback=spider.parse_other), spider).callback == spider.parse_other
    with pytest.raises(ValueError, match="not an instance method"):
        request_to_dict(Request("http://x/", callback=stranger), spider)


@pytest.mark.parametrize("field", ["callback", "errback"])
@pytest.mark.parametrize("name", ["start", "closed", "__class__", "update_settings", "crawler", "", 1, ["parse"], {}])
def test_whoever_writes_to_redis_calls_no_other_method(field: str, name: Any) -> None:
    with pytest.raises(CodecError, match="as its callback"):
        dict_to_request({"url": "http://x/", field: name}, Spider("any"))


def test_a_request_for_a_method_that_is_no_callback_is_not_queued() -> None:
    spider = Spider("any")
    with pytest.raises(CodecError, match="queue_callbacks"):
        request_to_dict(Request("http://x/", callback=spider.start), spider)  # type: ignore[arg-type]


def test_what_belongs_to_one_process_stays_there() -> None:
    request = Request("http://x/", meta={"lease": object(), "part": object(), "depth": 1})
    assert there_and_back(request).meta == {"depth": 1}
    assert dict_to_request({"url": "http://x/", "meta": {"part": "x", "lease": "y"}}).meta == {}


@pytest.mark.parametrize("value", [object(), {"f": len}, [open]])
def test_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(CodecError, match="no form in JSON"):
        codec.dumps(value)


def test_what_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(CodecError, match="nested"):
        codec.dumps(loop)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"$unknown": 1}',
        b'{"$base64": "!"}',
        b'{"$set": [[]]}',
        b'{"$dict": 3}',
        b'{"$dict": {"a": 1}}',
        b'{"$float": "x"}',
        b'{"$episode": {"id": 1}}',
        b"\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
        b"[" * 100_000,
    ],
)
def test_what_was_not_written_here_is_refused(text: bytes) -> None:
    with pytest.raises(CodecError):
        codec.loads(text)


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        {},
        {"url": 1},
        {"url": "no-scheme"},
        {"url": "http://x", "priority": "high"},
        {"url": "http://x", "callback": "os.system"},
        {"url": "http://x", "_class": "this.that"},
        {"url": "http://x", "_class": "scrapy.http.request.no.Such"},
        {"url": "http://x", "_class": "scrapy.http.request.NO_CALLBACK"},
        {"url": "http://x", "_class": ["scrapy.http.request.Request"]},
        {"url": "http://x", "encoding": "no-such"},
        {"url": "http://x", "meta": "text"},
    ],
)
def test_what_is_no_request_is_refused(fields: Any) -> None:
    with pytest.raises(CodecError):
        dict_to_request(fields, Spider("any"))


def test_the_meta_determines_the_entry() -> None:
    root = entry_of(page_request("http://example.com/feed"), "{}")
    assert (root.kind, root.key, root.group, root.host, root.fresh) == (
        "page",
        "http://example.com/feed",
        "http://example.com/feed",
        "example.com",
        True,
    )
    further = entry_of(page_request("http://example.com/feed", root="http://example.com/feed"), "{}")
    assert (further.group, further.fresh) == ("http://example.com/feed", False)
    other = entry_of(Request("http://example.com/", method="POST", body=b"x"), "{}")
    assert other.key.startswith("http://example.com/#")
    episode = Episode(id="1", podcast_id="show", title="", page="http://pages.example/1")
    entry = entry_of(episode_request(episode), "{}")
    assert (entry.kind, entry.key, entry.group, entry.name, entry.host) == (
        "episode",
        "show/1",
        "show",
        "1",
        "pages.example",
    )
