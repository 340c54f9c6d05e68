"""The commands ``python -m sample serve`` and ``python -m sample archive [DIR]``."""

import argparse
import os
import signal
import subprocess
import sys
from urllib.parse import urljoin

from sample.server import SampleServer

#: The same at each run: an archive knows a podcast by its address.
_PORT = 41683
_SEEDS = ("podcast/item_all.php?pid=287", "feed.xml")


def serve() -> int:
    """Print the URL of the sample as one line, and serve it until SIGTERM or SIGINT. Returns the exit status, 0."""
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    with SampleServer() as address:
        print(address, flush=True)
        signal.sigwait(stop_signals)
    return 0


def archive(folder: str, port: int) -> int:
    """Archive the sample into ``folder`` with a podcrawler child process; returns the exit status of that."""
    with SampleServer(port) as address:
        seeds = [urljoin(address, seed) for seed in _SEEDS]
        print("The sample serves", *seeds, flush=True)
        command = [sys.executable, "-m", "podcrawler", "archive", *seeds]
        with subprocess.Popen(command, env={**os.environ, "FILES_STORE": folder}) as child:
            # Ctrl-C reaches the child as well, which shuts down gracefully; this process only waits for it.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            return child.wait()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sample", description="Try podcrawler on sample podcasts, without the internet."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve the sample until stopped; prints its URL on standard output")
    archiving = commands.add_parser("archive", help="archive the sample with podcrawler")
    archiving.add_argument("folder", metavar="DIR", nargs="?", default="archive", help="target folder (%(default)s)")
    archiving.add_argument("--port", type=int, default=_PORT, help="where the sample is served (%(default)s)")
    arguments = parser.parse_args()
    return serve() if arguments.command == "serve" else archive(arguments.folder, arguments.port)


if __name__ == "__main__":
    sys.exit(main())
