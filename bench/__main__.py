"""Runs the measurements that are named, or all of them, prints what each found, and writes docs/benchmarks.md."""

import argparse
from pathlib import Path

from bench import feed, flat, memory, redis_distance, resume, sharing, small_files, throughput
from bench.result import Options, write

MEASUREMENTS = {
    "throughput": throughput.measure,
    "small_files": small_files.measure,
    "flat": flat.measure,
    "memory": memory.measure,
    "redis_distance": redis_distance.measure,
    "resume": resume.measure,
    "feed": feed.measure,
    "sharing": sharing.measure,
}


def main() -> None:
    what = "; ".join(f"{name}: {measure.__doc__}" for name, measure in MEASUREMENTS.items())
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, epilog=what)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}; all without it")
    parser.add_argument("--small", action="store_true", help="small sizes, once: for a try")
    parser.add_argument("--repetitions", type=int, default=5, help="how often each program runs")
    parser.add_argument("--write", action="store_true", help="put what was found into docs/benchmarks.md")
    parser.add_argument(
        "--rivals",
        type=Path,
        default=Path("~/.cache/podcrawler-bench").expanduser(),
        help="the folder for programs that are installed for this, %(default)s",
    )
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in MEASUREMENTS]:
        parser.error(f"There is no measurement {unknown[0]}: take {', '.join(MEASUREMENTS)}.")
    options = Options(given.small, 1 if given.small else given.repetitions, given.rivals.absolute())
    for name in given.names or MEASUREMENTS:
        section = str(MEASUREMENTS[name](options))
        print(section, flush=True)
        if given.write:
            # One by one, so that a later one that fails takes nothing away.
            write(section)


if __name__ == "__main__":
    main()
