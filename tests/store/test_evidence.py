"""Every rule by which an answer is held against what is known of a file, a row for each."""

import time
from dataclasses import dataclass, field

import pytest

from podcrawler.store.evidence import Answer, Evidence, Verdict, judge
from podcrawler.store.validators import Validator

URL = "https://media.example.org/1.mp3"
TAG = '"abc"'
MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"
DATED = {"Last-Modified": MODIFIED, "Date": "Tue, 02 Jan 2024 00:00:00 GMT"}
SIZE, HELD = 100, 40
REST = {"ETag": TAG, "Content-Range": "bytes 40-99/100"}

CONTINUE, REPLACE, REFUSE = Verdict
NOTHING = Evidence()


def known(
    headers: dict[str, str] | None = None, *, size: int | None = SIZE, held: int = HELD, age: float = 0
) -> Evidence:
    validator = Validator.from_headers(headers or {"ETag": TAG}, url=URL, size=size)
    return Evidence(validator, held, time.time() - age)


@dataclass(frozen=True)
class Row:
    evidence: Evidence
    #: Of the answer.
    status: int
    headers: dict[str, str]
    verdict: Verdict
    #: What the body must be.
    size: int | None = None
    length: int | None = None
    asked_from: int | None = None
    coded: bool = False
    #: Sizes of the file at the end that are refused all the same.
    refused: list[int] = field(default_factory=list)


def whole(evidence: Evidence, headers: dict[str, str], length: int | None, verdict: Verdict, **more: object) -> Row:
    return Row(evidence, 200, headers, verdict, length=length, **more)  # type: ignore[arg-type]  # of several types


def rest(evidence: Evidence, headers: dict[str, str], verdict: Verdict, **more: object) -> Row:
    return Row(evidence, 206, headers, verdict, asked_from=HELD, **more)  # type: ignore[arg-type]  # of several types


ROWS = {
    # Nothing is known.
    "first": whole(NOTHING, {"ETag": TAG}, 100, REPLACE, size=100, refused=[99, 101]),
    "first without length": whole(NOTHING, {}, None, REPLACE),
    "first coded": whole(NOTHING, {"ETag": TAG}, None, REPLACE, coded=True),
    "a 206 of the whole": Row(NOTHING, 206, {"Content-Range": "bytes 0-99/100"}, REPLACE, size=100, length=100),
    "a 206 of a part": Row(NOTHING, 206, {"Content-Range": "bytes 0-49/100"}, REFUSE, length=50),
    "a 206 of the end": Row(NOTHING, 206, {"Content-Range": "bytes 40-99/100"}, REFUSE, length=60),
    "a 206 of no total": Row(NOTHING, 206, {"Content-Range": "bytes 0-99/*"}, REFUSE, length=100),
    "a 206 of nothing": Row(NOTHING, 206, {}, REFUSE, length=100),
    "a 200 of a part": whole(NOTHING, {"Content-Range": "bytes 40-99/100"}, 60, REFUSE),
    "a 200 of the first part": whole(NOTHING, {"Content-Range": "bytes 0-49/100"}, 50, REFUSE),
    "a 200 with the range of the whole": whole(NOTHING, {"Content-Range": "bytes 0-99/100"}, 100, REPLACE, size=100),
    # The rest was asked for, and a part came.
    "the rest": rest(known(), REST, CONTINUE, size=100, refused=[99]),
    "the rest, counted": rest(known(), REST, CONTINUE, size=100, length=60),
    "the rest of no total": rest(known(), {**REST, "Content-Range": "bytes 40-99/*"}, CONTINUE, size=100),
    "the rest of a length not told before": rest(known(size=None), REST, CONTINUE, size=100),
    "the rest by date": rest(known(DATED), {**REST, "Last-Modified": MODIFIED}, CONTINUE, size=100),
    "the rest by date, not repeated": rest(known(DATED), {"Content-Range": "bytes 40-99/100"}, CONTINUE, size=100),
    "the rest of another tag": rest(known(), {**REST, "ETag": '"b"'}, REFUSE),
    "the rest without its tag": rest(known(), {"Content-Range": "bytes 40-99/100"}, REFUSE),
    "the rest of another date": rest(known(DATED), {**REST, "Last-Modified": DATED["Date"]}, REFUSE),
    "the rest from another byte": rest(known(), {**REST, "Content-Range": "bytes 41-99/100"}, REFUSE),
    "the rest without its end": rest(known(), {**REST, "Content-Range": "bytes 40-59/100"}, REFUSE),
    "the rest beyond its end": rest(known(), {**REST, "Content-Range": "bytes 40-100/100"}, REFUSE),
    "the rest backwards": rest(known(), {**REST, "Content-Range": "bytes 40-39/100"}, REFUSE),
    "the rest of another length": rest(known(), {**REST, "Content-Range": "bytes 40-100/101"}, REFUSE),
    "the rest, counted otherwise": rest(known(), REST, REFUSE, length=61),
    "the rest coded": rest(known(), REST, REFUSE, coded=True),
    "the whole as a range": rest(known(), {**REST, "Content-Range": "bytes 0-99/100"}, REFUSE),
    "several ranges": rest(known(), {"ETag": TAG, "Content-Type": "multipart/byteranges; boundary=x"}, REFUSE),
    "other units": rest(known(), {**REST, "Content-Range": "items 40-99/100"}, REFUSE),
    # The rest was asked for, and a whole file came.
    "the whole again": whole(known(), {"ETag": TAG}, 100, REPLACE, size=100, asked_from=HELD, refused=[60]),
    "another version": whole(known(), {"ETag": '"b"'}, 110, REFUSE, asked_from=HELD),
    "another version of the same length": whole(known(), {"ETag": '"b"'}, 100, REFUSE, asked_from=HELD),
    "the rest as the whole": whole(known(), {"ETag": TAG}, 60, REFUSE, asked_from=HELD),
    "the rest as another version": whole(known(), {"ETag": '"b"'}, 60, REFUSE, asked_from=HELD),
    "a whole of no version": whole(known(), {}, 100, REFUSE, asked_from=HELD),
    "a whole of no length": whole(known(), {"ETag": TAG}, None, REFUSE, asked_from=HELD),
    "a whole, coded": whole(known(), {"ETag": TAG}, None, REFUSE, asked_from=HELD, coded=True),
    "a whole of unknown length": whole(known(size=None), {"ETag": TAG}, 100, REFUSE, asked_from=HELD),
    "a whole never counted": whole(known(size=None), {"ETag": TAG}, None, REFUSE, asked_from=HELD),
    # The whole was asked for, and something is known.
    "the same": whole(known(), {"ETag": TAG}, 100, REPLACE, size=100),
    "the same, shorter": whole(known(), {"ETag": TAG}, 60, REFUSE),
    "the same, longer": whole(known(), {"ETag": TAG}, 101, REFUSE),
    "the same, not counted": whole(known(), {"ETag": TAG}, None, REPLACE, size=100, refused=[60, 99]),
    "the same, shorter than what came": whole(known(size=None), {"ETag": TAG}, 39, REFUSE),
    "the same, never counted": whole(known(size=None), {"ETag": TAG}, None, REPLACE, refused=[39]),
    "the same by date, shorter": whole(known(DATED), DATED, 60, REFUSE),
    "the same, shorter, a week later": whole(known(age=8 * 86_400), {"ETag": TAG}, 60, REPLACE, size=60),
    "a 206 of the same, shorter": Row(known(), 206, {"ETag": TAG, "Content-Range": "bytes 0-59/60"}, REFUSE),
    "a new version": whole(known(), {"ETag": '"b"'}, 50, REPLACE, size=50),
    "a new version of no tag": whole(known(), {}, 50, REPLACE, size=50),
    "just what was missing": whole(known(), {"ETag": '"b"'}, 60, REFUSE),
    "just what was missing, not counted": whole(known(), {}, None, REPLACE, refused=[60]),
    "just what was missing, coded": whole(known(), {}, None, REPLACE, coded=True, refused=[60]),
    "as long as what was missing, but nothing is there": whole(known(held=0), {}, 100, REPLACE, size=100),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_table(row: Row) -> None:
    answer = Answer(row.status, row.headers, URL, row.asked_from, row.length, row.coded)
    found = judge(row.evidence, answer)
    assert (found.verdict, found.size) == (row.verdict, row.size)
    assert bool(found.reason) == (row.verdict is REFUSE)
    assert {size for size in row.refused if not found.contradiction(size)} == set()
    if row.size is not None:
        assert found.contradiction(row.size) == ""


def test_the_length_that_a_part_tells_is_known_from_then_on() -> None:
    found = judge(known(size=None), Answer(206, REST, URL, HELD))
    assert found.validator
    assert (found.validator.value, found.validator.size) == (TAG, 100)


def test_a_coded_body_is_of_no_version() -> None:
    assert judge(NOTHING, Answer(200, {"ETag": TAG}, URL, coded=True)).validator is None
