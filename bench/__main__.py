"""Runs the named benchmarks, or all, and prints their results; ``--write`` puts them into docs/benchmarks.md."""

import argparse
from pathlib import Path

from bench import (
    feed,
    flat,
    hostile,
    look,
    memory,
    redis_distance,
    refresh,
    resume,
    sharing,
    small_files,
    start,
    throughput,
)
from bench.result import Options, write

MEASUREMENTS = {
    "throughput": throughput.measure,
    "small_files": small_files.measure,
    "flat": flat.measure,
    "memory": memory.measure,
    "redis_distance": redis_distance.measure,
    "resume": resume.measure,
    "look": look.measure,
    "feed": feed.measure,
    "sharing": sharing.measure,
    "hostile": hostile.measure,
    "start": start.measure,
    "refresh": refresh.measure,
}


def main() -> None:
    descriptions = "; ".join(f"{name}: {measure.__doc__}" for name, measure in MEASUREMENTS.items())
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, epilog=descriptions)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(MEASUREMENTS)}; default: all")
    parser.add_argument("--small", action="store_true", help="small sizes and one repetition, for a quick check")
    parser.add_argument("--repetitions", type=int, default=5, help="runs of each program (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write the results into docs/benchmarks.md")
    parser.add_argument(
        "--rivals",
        type=Path,
        default=Path("~/.cache/podcrawler-bench").expanduser(),
        help="folder for the other programs that are installed for the comparison (%(default)s)",
    )
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in MEASUREMENTS]:
        parser.error(f"There is no benchmark {unknown[0]}: choose from {', '.join(MEASUREMENTS)}.")
    options = Options(arguments.small, 1 if arguments.small else arguments.repetitions, arguments.rivals.absolute())
    for name in arguments.names or MEASUREMENTS:
        section = str(MEASUREMENTS[name](options))
        print(section, flush=True)
        if arguments.write:
            # Written one at a time, so that a benchmark that fails later does not lose these results.
            write(section)


if __name__ == "__main__":
    main()
