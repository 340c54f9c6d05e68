"""Background tasks: none dies unseen."""

import asyncio
from collections.abc import Iterator

import pytest

from podcrawler import tasks
from podcrawler.exceptions import PodcrawlerError


class Work:
    """Raises these errors first, and then does what it is for."""

    def __init__(self, *errors: Exception) -> None:
        self._errors: Iterator[Exception] = iter(errors)
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        for error in self._errors:
            raise error


async def test_what_fails_is_logged_and_started_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_FIRST_PAUSE", 0.001)
    work = Work(ZeroDivisionError("a bug"), PodcrawlerError("The disk is full."))
    await tasks.keep_running("the reports", work)
    assert work.calls == 3
    bug, sentence = caplog.records
    assert bug.getMessage() == "Failed, and starts again in 0.001 s: the reports: ZeroDivisionError('a bug')"
    assert bug.exc_info
    # The user can do something about this one, and has no use for a traceback.
    assert sentence.getMessage() == "Failed, and starts again in 0.002 s: the reports: The disk is full."
    assert not sentence.exc_info


async def test_what_is_cancelled_ends() -> None:
    task = tasks.keep_running("the reports", asyncio.Event().wait)  # type: ignore[arg-type]  # returns True
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_runs_once_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    await tasks.run_once("the release", Work(ZeroDivisionError("a bug"))())
    (record,) = caplog.records
    assert record.getMessage() == "Failed, and is given up: the release: ZeroDivisionError('a bug')"
    assert record.exc_info
