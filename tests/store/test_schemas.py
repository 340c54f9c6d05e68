"""The JSON Schemas in docs, for programs of others that read an archive."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from tests.archives import put_episode, put_podcast
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin
from tests.schemas import DOCS, texts


@pytest.fixture
def sidecar() -> Draft202012Validator:
    return validator("sidecar.schema.json")


@pytest.fixture
def podcast() -> Draft202012Validator:
    return validator("podcast.schema.json")


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((DOCS / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_they_are_current() -> None:
    """If not: ``make schemas``."""
    assert {path: path.read_text(encoding="utf-8") for path in texts()} == texts()


def test_what_a_node_writes_is_valid(
    fleet: Commands, redis: Client, origin: RunningOrigin, sidecar: Draft202012Validator, podcast: Draft202012Validator
) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size=1000&details=1")
    assert fleet.drain().status == 0
    (media,) = fleet.archive.glob("*/*.mp3")
    sidecar.validate(read(media.with_name(f"{media.name}.json")))
    podcast.validate(read(media.parent / "podcast.json"))


def test_what_has_another_form_is_not(
    tmp_path: Path, sidecar: Draft202012Validator, podcast: Draft202012Validator
) -> None:
    put_podcast(tmp_path)
    path = put_episode(tmp_path, b"audio")
    told, record = read(path.with_name(f"{path.name}.json")), read(path.parent / "podcast.json")
    sidecar.validate(told)
    podcast.validate(record)
    for validate, wrong in (
        (sidecar.validate, {**told, "format": "podcrawler sidecar 2"}),
        (sidecar.validate, {**told, "file": {"name": "1.mp3"}}),
        (podcast.validate, told),
    ):
        with pytest.raises(ValidationError):
            validate(wrong)
