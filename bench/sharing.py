"""How nodes share the work: two nodes on one Redis, beside one node alone."""

from bench.node import Place, place, wait
from bench.result import Options, Result
from tests.origin import running

EPISODES, SIZE = 400, 1_000_000


def measure(options: Options) -> Result:
    """400 episodes of 1 MB, with one node and with two"""
    episodes = 40 if options.small else EPISODES
    rows = []
    seconds = []
    with running() as origin:
        for nodes in (1, 2):
            origin.reset()
            with place() as here:
                took, shares = _run(here, f"{origin.address}/feed.xml?episodes={episodes}&size={SIZE}", episodes, nodes)
            requests = [count for path, count in origin.counts().items() if path.startswith("/bytes/")]
            assert len(requests) == episodes, len(requests)
            seconds.append(took)
            rows.append((str(nodes), f"{took:.1f}", " + ".join(map(str, shares)), str(max(requests))))
    return Result(
        title="Sharing",
        about=f"{episodes} episodes of {SIZE / 1e6:g} MB with one node and with two on one Redis, once.",
        commands=["podcrawler crawl episodes -s PODCRAWLER_EXIT_WHEN_DONE=1"],
        head=("nodes", "seconds", "episodes of each", "requests for one file, at most"),
        rows=rows,
        findings=[f"Two nodes take {seconds[1] / seconds[0]:.2f} times as long as one."],
    )


def _run(here: Place, address: str, episodes: int, nodes: int) -> tuple[float, list[int]]:
    """The seconds that the slowest node took, and how many episodes each finished."""
    options = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
    wait([here.start("podcrawler", "crawl", "podcasts", "-a", f"address={address}", *options)])
    started = [here.start("podcrawler", "crawl", "episodes", *options, "-s", f"LOG_FILE={n}.log") for n in range(nodes)]
    seconds = max(usage.seconds for usage in wait(started))
    shares = [(here.folder / f"{n}.log").read_text().count("] INFO: finished ") for n in range(nodes)]
    assert sum(shares) == len(list(here.folder.glob("archive/*/*.mp3"))) == episodes, shares
    return seconds, shares
