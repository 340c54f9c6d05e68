"""The supervisor around a job whose nodes are played by the test."""

import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from scrapy.settings import Settings
from typing_extensions import override

from podcrawler.fleet.children import Child
from podcrawler.fleet.display import Lines, View
from podcrawler.fleet.job import Job
from podcrawler.fleet.outcome import Outcome
from podcrawler.fleet.supervisor import Supervisor
from podcrawler.queue.archive import Archive
from podcrawler.queue.entries import page_request
from podcrawler.queue.keys import Keys
from tests.builders import episode, finish_page, lease_one, make_broker
from tests.conftest import Client

ADDRESS = "http://x/feed"


class FakeChild:
    """Records what the supervisor does with a child."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @property
    def has_been_started(self) -> bool:
        return bool(self.calls)

    def ensure_running(self) -> None:
        self.calls.append("ensure_running")

    def terminate(self) -> None:
        self.calls.append("terminate")

    def has_ended(self, seconds: float) -> bool:  # noqa: ARG002 (it has)
        self.calls.append("has_ended")
        return True

    def wait(self, seconds: float) -> None:
        self.calls.append(f"wait {seconds:g}")


class StepDisplay(Lines):
    """Does the next of some steps each time that progress is shown."""

    def __init__(self, *steps: Callable[[], Any]) -> None:
        super().__init__()
        self._steps = list(steps)

    @override
    def show(self, view: View) -> None:
        if self._steps:
            self._steps.pop(0)()


def test_a_job_runs_to_its_end(redis: Client, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings()
    settings.setmodule("podcrawler.settings")
    archive, pages, child, idle = Archive(redis, Keys()), make_broker(redis, "podcasts"), FakeChild(), FakeChild()
    make_broker(redis).push_many([episode(1, podcast="other"), episode(2, podcast="other")])

    def list_nothing() -> None:
        assert finish_page(pages, lease_one(pages), "show", {"podcast": "show", "title": "The Show"})

    def interrupt() -> None:
        raise AssertionError("the job was done before")

    display = StepDisplay(archive.pause, lambda: None, archive.resume, list_nothing, lambda: None, interrupt)
    job = Job(settings, redis, [page_request(ADDRESS)])
    children = cast("dict[str, Child]", {"podcasts": child, "episodes": idle})
    Supervisor(archive, job, children, display, None, shutdown_grace=3).run()
    assert job.outcome().podcasts == {"show": "The Show"}
    assert child.calls == ["ensure_running"] * 6 + ["terminate", "wait 13"]
    assert idle.calls == ["terminate", "wait 13"]
    told = capsys.readouterr().err
    assert told.count("The queue is paused") == 1
    assert told.count("2 episodes of other podcasts are in the queue, too: downloaded as well") == 1


def test_a_child_is_stopped_when_the_user_interrupts(redis: Client, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    settings = Settings()
    settings.setmodule("podcrawler.settings")
    child = FakeChild()
    supervisor = Supervisor(
        Archive(redis, Keys()),
        Job(settings, redis, [page_request(ADDRESS)]),
        cast("dict[str, Child]", {"podcasts": child, "episodes": FakeChild()}),
        StepDisplay(interrupt),
        None,
        shutdown_grace=3,
    )
    with pytest.raises(KeyboardInterrupt):
        supervisor.run()
    assert child.calls == ["ensure_running"] * 2 + ["terminate", "has_ended", "wait 0", "terminate", "wait 13"]
    told = capsys.readouterr().err
    assert "downloads get 3 s to end" in told
    assert "Stopped: 0 finished (0 bytes), 1 feed or page not read.\n" in told


def job_at_its_deadline(redis: Client, child: FakeChild) -> Outcome:
    settings = Settings()
    settings.setmodule("podcrawler.settings")
    return Supervisor(
        Archive(redis, Keys()),
        Job(settings, redis, [page_request(ADDRESS)]),
        cast("dict[str, Child]", {"podcasts": child, "episodes": FakeChild()}),
        Lines(),
        None,
        shutdown_grace=0,
        deadline=time.monotonic(),
    ).run()


def test_a_job_ends_at_its_deadline(redis: Client) -> None:
    child = FakeChild()
    outcome = job_at_its_deadline(redis, child)
    assert outcome.stopped
    assert outcome.stopped.waiting == "1 feed or page not read"
    assert child.calls[-2:] == ["terminate", "wait 10"]
    # It is kept for the next run.
    assert lease_one(make_broker(redis, "podcasts")).key == ADDRESS


def test_a_job_that_is_done_while_its_nodes_stop_at_the_deadline_is_done(redis: Client) -> None:
    class Finishing(FakeChild):
        @override
        def has_ended(self, seconds: float) -> bool:
            pages = make_broker(redis, "podcasts")
            assert finish_page(pages, lease_one(pages), "show", {"podcast": "show", "title": "The Show"})
            return super().has_ended(seconds)

    assert job_at_its_deadline(redis, Finishing()).stopped is None
