"""The supervisor around a job whose nodes are played by the test."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from scrapy.settings import Settings
from typing_extensions import override

from podcrawler.fleet.children import Child
from podcrawler.fleet.display import Lines
from podcrawler.fleet.job import Job, JobProgress
from podcrawler.fleet.supervisor import Supervisor
from podcrawler.queue.archive import Archive, InHand
from podcrawler.queue.entries import page_request
from podcrawler.queue.keys import Keys
from tests.builders import finish_page, lease_one, make_broker
from tests.conftest import Client

ADDRESS = "http://x/feed"


class FakeChild:
    """Records what the supervisor does with a child."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def ensure_running(self) -> None:
        self.calls.append("ensure_running")

    def terminate(self) -> None:
        self.calls.append("terminate")

    def wait(self, seconds: float) -> None:
        self.calls.append(f"wait {seconds:g}")


class StepDisplay(Lines):
    """Does the next of some steps each time that progress is shown."""

    def __init__(self, *steps: Callable[[], Any]) -> None:
        super().__init__()
        self._steps = list(steps)

    @override
    def show_progress(self, progress: JobProgress, in_hand: list[InHand]) -> None:
        if self._steps:
            self._steps.pop(0)()


def test_a_job_runs_to_its_end(redis: Client, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings()
    settings.setmodule("podcrawler.settings")
    archive, pages, child = Archive(redis, Keys()), make_broker(redis, "podcasts"), FakeChild()

    def list_nothing() -> None:
        assert finish_page(pages, lease_one(pages), "show", {"podcast": "show", "title": "The Show"})

    def interrupt() -> None:
        raise AssertionError("the job was done before")

    display = StepDisplay(archive.pause, lambda: None, archive.resume, list_nothing, lambda: None, interrupt)
    job = Job(settings, redis, [page_request(ADDRESS)])
    Supervisor(archive, job, [cast(Child, child)], display, None, shutdown_grace=3).run()
    assert job.outcome().podcasts == {"show": "The Show"}
    assert child.calls == ["ensure_running"] * 5 + ["terminate", "wait 13"]
    assert capsys.readouterr().err.count("The queue is paused") == 1


def test_a_child_is_stopped_when_the_user_interrupts(redis: Client, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    settings = Settings()
    settings.setmodule("podcrawler.settings")
    child = FakeChild()
    supervisor = Supervisor(
        Archive(redis, Keys()),
        Job(settings, redis, [page_request(ADDRESS)]),
        [cast(Child, child)],
        StepDisplay(interrupt),
        None,
        shutdown_grace=3,
    )
    with pytest.raises(KeyboardInterrupt):
        supervisor.run()
    assert child.calls == ["ensure_running", "terminate", "wait 13"]
    assert "downloads get 3 s to end" in capsys.readouterr().err
