"""What a job queues and counts, on a queue that other jobs use, too."""

import pytest
from scrapy.settings import Settings

from podcrawler.exceptions import EntryError
from podcrawler.fleet.job import Job
from podcrawler.queue import acks
from podcrawler.queue.broker import Broker
from podcrawler.queue.entries import page_request
from tests.builders import episode, fail, finish, finish_page, lease_one, make_broker, page, retry
from tests.conftest import Client

ADDRESS = "http://x/feed"


@pytest.fixture
def episodes(redis: Client) -> Broker:
    return make_broker(redis)


@pytest.fixture
def pages(redis: Client) -> Broker:
    return make_broker(redis, "podcasts")


@pytest.fixture
def job(redis: Client) -> Job:
    settings = Settings()
    settings.setmodule("podcrawler.settings")
    return Job(settings, redis, [page_request(ADDRESS)])


@pytest.fixture
def only_job(redis: Client) -> Job:
    settings = Settings()
    settings.setmodule("podcrawler.settings")
    return Job(settings, redis, [page_request(ADDRESS)], is_only_one=True)


def list_episodes(pages: Broker, podcast: str) -> None:
    """Finish the next list page as one of this podcast."""
    lease = lease_one(pages)
    result = {"podcast": podcast, "title": f"The {podcast}"}
    assert finish_page(pages, lease, podcast, result, [lease.key])


def test_failures_of_the_same_podcast_that_may_pass_are_tried_again(job: Job, episodes: Broker, pages: Broker) -> None:
    pages.push_many([page(ADDRESS)])
    list_episodes(pages, "own")
    episodes.push_many([episode(1, podcast="own"), episode(2, podcast="own"), episode(3, podcast="other")])
    fail(episodes, lease_one(episodes), "http-404", "Not there.")
    slow = EntryError("timeout", "Slow.", "passing")
    for _ in range(2):
        last_try = acks.give_up(lease_one(episodes), slow, tries=1, delay=0)
        assert episodes.acknowledge([last_try]) == ["failed"]
    job.start()
    assert {failed.key for failed in episodes.failed()} == {"own/1", "other/3"}
    assert lease_one(episodes).key == "own/2"
    assert lease_one(pages).key == ADDRESS


def test_progress_and_outcome_are_those_of_the_jobs_own_podcasts(job: Job, episodes: Broker, pages: Broker) -> None:
    episodes.push_many([episode(0, podcast="own")])
    finish(episodes, lease_one(episodes), size=5, path="own/0.x.mp3")
    job.start()
    assert not job.progress().seems_done
    episodes.push_many(episode(number, podcast="own") for number in (1, 2))
    episodes.push_many(episode(number, podcast="other") for number in (1, 2))
    list_episodes(pages, "own")
    assert (job.progress().open_pages, job.progress().open_episodes) == (0, 2)
    finish(episodes, lease_one(episodes), size=7, path="own/1.x.mp3")
    fail(episodes, lease_one(episodes), "http-404", "Not there.")
    finish(episodes, lease_one(episodes), size=9, path="other/1.x.mp3")
    retry(episodes, lease_one(episodes), "timeout", "Slow.")

    events = job.new_events()
    assert [event.state for event in events if job.includes(event.group) and event.group != ADDRESS] == [
        "finished",
        "failed",
    ]
    assert job.new_events() == []
    progress = job.progress()
    assert progress.seems_done
    assert (progress.finished, progress.failed, progress.bytes) == (1, 1, 7)
    outcome = job.outcome()
    assert outcome.podcasts == {"own": "The own"}
    assert (outcome.finished, outcome.bytes, outcome.already_there) == (1, 7, 1)
    assert [failed.key for failed in outcome.failed] == ["own/2"]


def test_what_is_lost_is_found_while_nothing_is_set_aside(only_job: Job, redis: Client) -> None:
    only_job.start()
    only_job.progress()
    assert not redis.exists("{podcrawler}:only")


def test_that_something_is_set_aside_is_not_said_at_every_look(only_job: Job, episodes: Broker, redis: Client) -> None:
    episodes.push_many([episode(1, podcast="other")])
    only_job.start()
    assert only_job.set_aside == 1
    redis.expire("{podcrawler}:only", 50)
    only_job.progress()
    assert redis.ttl("{podcrawler}:only") <= 50
    assert lease_one(make_broker(redis, "podcasts")).key == ADDRESS
    only_job.end()
    assert lease_one(episodes).key == "other/1"
    assert not redis.exists("{podcrawler}:only")
