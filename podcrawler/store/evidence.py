"""What is known of an episode's file, and the one judge of what a server answers.

A server may answer a range with less than it says, and a cache may repeat that to everybody. So every answer that is to
become a file, or a part of one, is held against all that earlier answers have shown. docs/media.md has the rules as a
table.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from podcrawler.store.validators import Validator

#: RFC 9110 §14.4.
_CONTENT_RANGE = re.compile(r"bytes\s+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE)
#: Seconds for which what an earlier answer said is believed more than a later one: a cache that repeats a wrong answer
#: forgets it sooner; a publisher who keeps the tag of a file that he replaced is believed in the end.
_BELIEVED_FOR = 7 * 24 * 3600


class Verdict(Enum):
    """What an answer is good for."""

    CONTINUE = "its body continues what is there"
    REPLACE = "its body is the whole file"
    REFUSE = "it contradicts what is known, or proves nothing"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What earlier answers have shown of a file."""

    #: Of the version that they were of; None if nothing proved one.
    validator: Validator | None = None
    #: Bytes of that version that are there.
    held: int = 0
    #: When it was seen first, in seconds since 1970.
    since: float = 0.0

    @property
    def size(self) -> int | None:
        """Bytes of the whole version, as far as they were announced."""
        return self.validator.size if self.validator else None


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of a success: of a 206, or of one that is as a 200 (RFC 9110 §15.3.4, RFC 3229 §10.4.1)."""

    status: int
    headers: Mapping[str, str]
    #: What was requested.
    url: str
    #: The first byte that was asked for; None if no range was.
    asked_from: int | None = None
    #: Bytes of the body as announced; None if they were not, or are not those of the file.
    length: int | None = None
    #: Whether the body is compressed.
    coded: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on an answer, and what its body must agree with."""

    verdict: Verdict
    #: Why it is refused, after "the host".
    reason: str = ""
    #: The version that the file is of; None if nothing proves it.
    validator: Validator | None = None
    #: Bytes of the whole file; None if nobody has announced them.
    size: int | None = None
    #: Bytes that a whole file has at least, and a number that it must not have: just those that were missing.
    at_least: int = 0
    missing: int | None = None

    def contradiction(self, received: int) -> str:
        """What a body that ended by itself contradicts, so that the file has ``received`` bytes; empty if nothing."""
        if self.size is not None and received != self.size:
            return f"announced {self.size} bytes and sent {received}"
        if received < self.at_least:
            return f"ended the file after {received} bytes, and has sent {self.at_least} of the same version before"
        if received == self.missing:
            return f"sent the {received} bytes that were missing as the whole file"
        return ""


def judge(known: Evidence, answer: Answer) -> Judgement:
    """What the answer is good for, held against all that is known. Pure, but for the clock."""
    if answer.status == 206:
        return _judge_part(known, answer)
    found = _of_whole(answer)
    if found.verdict is Verdict.REFUSE or known.validator is None:
        return found
    if answer.asked_from is not None and not _proves_whole(known.validator, found):
        return _refuse("answered a request for the rest of the file with what is not known to be the whole")
    return _agreeing(known, known.validator, found)


def _judge_part(known: Evidence, answer: Answer) -> Judgement:
    """RFC 9110 §15.3.7. Also of a 206 that no range was asked for: that of the whole is the whole."""
    first, last, size = _content_range(answer.headers)
    if answer.coded or first is None or last is None or answer.length not in (None, last - first + 1):
        return _refuse("answered with a part of the file that its headers contradict")
    if answer.asked_from is None:
        if first > 0 or size != last + 1:
            return _refuse(f"answered with bytes {first} to {last} alone, although all were asked for")
        return _agreeing(known, known.validator, _whole(answer, size)) if known.validator else _whole(answer, size)
    validator = known.validator
    if validator is None or not _is_of(validator, answer.headers):
        return _refuse("answered with a part of another version")
    whole = validator.size if size is None else size
    if whole is None:
        whole = last + 1
    if first != answer.asked_from or first != known.held or last != whole - 1 or known.size not in (None, whole):
        return _refuse("answered with another part than was asked for")
    return Judgement(Verdict.CONTINUE, validator=validator.model_copy(update={"size": whole}), size=whole)


def _of_whole(answer: Answer) -> Judgement:
    """A 200, or its like, by itself."""
    if "Content-Range" in answer.headers:
        first, last, size = _content_range(answer.headers)
        if first != 0 or last is None or size not in (None, last + 1) or answer.length not in (None, last + 1):
            return _refuse("called a part of the file the whole")
    if answer.coded:
        return Judgement(Verdict.REPLACE)
    return _whole(answer, answer.length)


def _whole(answer: Answer, size: int | None) -> Judgement:
    validator = Validator.from_headers(answer.headers, url=answer.url, size=size)
    return Judgement(Verdict.REPLACE, validator=validator, size=size)


def _proves_whole(validator: Validator, found: Judgement) -> bool:
    """Whether a 200 in answer to a range is the whole file, and not just the rest under a wrong status: it must be of
    the known version, and as long. Of another version nobody knows how long it is."""
    is_same = found.validator is not None and found.validator.value == validator.value
    return is_same and found.size is not None and found.size == validator.size


def _agreeing(known: Evidence, validator: Validator, found: Judgement) -> Judgement:
    """What an answer with a whole file is good for, beside what is known of an earlier version, or of this one."""
    if time.time() - known.since > _BELIEVED_FOR:
        return found
    missing = validator.size - known.held if validator.size is not None and known.held else None
    if found.validator is None or found.validator.value != validator.value:
        if found.size is not None and found.size == missing:
            return _refuse(f"sends the {missing} bytes that were missing as the whole file")
        return Judgement(found.verdict, validator=found.validator, size=found.size, missing=missing)
    if found.size is not None and validator.size not in (None, found.size):
        return _refuse(f"announces {found.size} bytes of a version that has had {validator.size}")
    if found.size is not None and found.size < known.held:
        return _refuse(f"announces {found.size} bytes of a version of which it has sent {known.held}")
    size = validator.size if found.size is None else found.size
    same = found.validator.model_copy(update={"size": size})
    return Judgement(found.verdict, validator=same, size=size, at_least=known.held)


def _is_of(validator: Validator, headers: Mapping[str, str]) -> bool:
    """Whether a 206 is of this version. It must repeat the tag, and may leave out the date (RFC 9110 §15.3.7).
    Checked because some servers ignore If-Range."""
    if validator.is_etag:
        return headers.get("ETag") == validator.value
    return headers.get("Last-Modified", validator.value) == validator.value


def _content_range(headers: Mapping[str, str]) -> tuple[int | None, int | None, int | None]:
    """First and last byte, and bytes of the whole file; each None if the header does not say it."""
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None or int(found[1]) > int(found[2]):
        return None, None, None
    return int(found[1]), int(found[2]), None if found[3] == "*" else int(found[3])


def _refuse(reason: str) -> Judgement:
    return Judgement(Verdict.REFUSE, reason)
