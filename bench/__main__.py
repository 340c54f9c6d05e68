"""Runs the measurements that are named, or all of them, and prints what each ran and found."""

import sys

from bench import feed, memory, redis_distance, resume, sharing

MEASUREMENTS = {
    "feed": feed.measure,
    "memory": memory.measure,
    "redis_distance": redis_distance.measure,
    "resume": resume.measure,
    "sharing": sharing.measure,
}


def main() -> None:
    names = sys.argv[1:] or list(MEASUREMENTS)
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        sys.exit(f"There is no measurement {unknown[0]}: take {', '.join(MEASUREMENTS)}.")
    for name in names:
        print(f"== {name}: {MEASUREMENTS[name].__doc__}", flush=True)
        MEASUREMENTS[name]()


if __name__ == "__main__":
    main()
