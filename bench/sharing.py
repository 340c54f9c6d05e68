"""How two nodes on one Redis share the work, compared with one node alone."""

from bench.node import Sandbox, open_sandbox, wait
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
            with open_sandbox() as sandbox:
                slowest, shares = _run(
                    sandbox, f"{origin.address}/feed.xml?episodes={episodes}&size={SIZE}", episodes, nodes
                )
            requests = [count for path, count in origin.counts().items() if path.startswith("/bytes/")]
            assert len(requests) == episodes, len(requests)
            seconds.append(slowest)
            rows.append((str(nodes), f"{slowest:.1f}", " + ".join(map(str, shares)), str(max(requests))))
    return Result(
        title="Sharing",
        about=f"{episodes} episodes of {SIZE / 1e6:g} MB with one node and with two on one Redis, one run of each.",
        commands=["podcrawler crawl episodes -s PODCRAWLER_EXIT_WHEN_DONE=1 -s PODCRAWLER_HOST_CONNECTIONS=1000"],
        head=("nodes", "seconds", "episodes of each", "requests for one file, at most"),
        rows=rows,
        findings=[f"Two nodes take {seconds[1] / seconds[0]:.2f} times as long as one."],
    )


def _run(sandbox: Sandbox, address: str, episodes: int, nodes: int) -> tuple[float, list[int]]:
    """Run time of the slowest node in seconds, and the number of episodes that each node finished."""
    # All of it is from one host.
    options = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1", "-s", "PODCRAWLER_HOST_CONNECTIONS=1000")
    wait([sandbox.start("podcrawler", "crawl", "podcasts", "-a", f"address={address}", *options)])
    started = [
        sandbox.start("podcrawler", "crawl", "episodes", *options, "-s", f"LOG_FILE={n}.log") for n in range(nodes)
    ]
    seconds = max(usage.seconds for usage in wait(started))
    shares = [(sandbox.folder / f"{n}.log").read_text().count("] INFO: finished ") for n in range(nodes)]
    assert sum(shares) == len(list(sandbox.folder.glob("archive/*/*.mp3"))) == episodes, shares
    return seconds, shares
