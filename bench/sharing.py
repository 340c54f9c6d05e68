"""How nodes share the work: two nodes on one Redis, beside one node alone."""

from bench.node import Place, place, wait
from tests.origin import running

EPISODES, SIZE = 400, 1_000_000


def measure() -> None:
    """400 episodes of 1 MB, with one node and with two"""
    with running() as origin:
        seconds = []
        for nodes in (1, 2):
            origin.reset()
            with place() as here:
                seconds.append(_run(here, f"{origin.address}/feed.xml?episodes={EPISODES}&size={SIZE}", nodes))
            requests = [count for path, count in origin.counts().items() if path.startswith("/bytes/")]
            print(f"{len(requests)} files asked for, each {max(requests)} times at most")
    print(f"ratio of time, two nodes to one: {seconds[1] / seconds[0]:.2f}")


def _run(here: Place, address: str, nodes: int) -> float:
    options = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
    wait([here.start("podcrawler", "crawl", "podcasts", "-a", f"address={address}", *options)])
    started = [here.start("podcrawler", "crawl", "episodes", *options, "-s", f"LOG_FILE={n}.log") for n in range(nodes)]
    seconds = max(usage.seconds for usage in wait(started))
    shares = [(here.folder / f"{n}.log").read_text().count("] INFO: finished ") for n in range(nodes)]
    assert sum(shares) == len(list(here.folder.glob("archive/*/*.mp3"))) == EPISODES, shares
    print(f"{nodes} nodes: {seconds:.1f} s, shares {shares}")
    return seconds
