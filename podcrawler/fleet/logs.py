"""Log files of which those of earlier runs are kept: ``episodes.log``, before that ``episodes.log.1``, and so on."""

from contextlib import suppress
from pathlib import Path

#: Earlier runs whose logs are kept.
EARLIER_LOGS = 5


def put_by(log: Path) -> None:
    """Make room for the log of a new run: number those of earlier runs, of which the oldest goes. Raises OSError."""
    for number in range(EARLIER_LOGS, 0, -1):
        earlier = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        with suppress(FileNotFoundError):
            earlier.replace(log.with_name(f"{log.name}.{number}"))
