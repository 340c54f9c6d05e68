"""How every command ends: an error that a user or the world can cause is one sentence and an exit status."""

import errno
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from podcrawler.calling import program
from podcrawler.exceptions import DiskFullError, PodcrawlerError
from podcrawler.printing import say

logger = logging.getLogger(__name__)

#: As of a program that is ended by SIGPIPE (128 + 13), which is what others do when nobody reads on.
_CLOSED_PIPE = 141
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def ended(run: Callable[[], int | None]) -> int:
    """Run a command to its end; its exit status. What went wrong has been told."""
    try:
        status = run() or 0
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        status = _CLOSED_PIPE
    except OSError as error:
        if sys.stdout and (_is_of_unbuffered(sys.stdout, error) or _has_failed(sys.stdout)):
            _tell(f"Standard output cannot be written ({error.strerror}); see where it goes.")
            status = 1
        else:
            logger.debug("What the system refused:", exc_info=True)
            _tell(_about_system(error))
            status = 2
    except DiskFullError as error:
        # Its own sentence is for nodes, which wait.
        _tell(_about_full_disk(error.folder))
        status = error.exit_status
    except PodcrawlerError as error:
        _tell(str(error))
        status = error.exit_status
    except KeyboardInterrupt:
        _tell("interrupted; run the same command again to continue.")
        status = 130
    except Exception as error:
        if (sentence := _about_redis(error)) is None:
            raise
        _tell(sentence)
        status = 2
    for stream in (sys.stdout, sys.stderr):
        if stream and _has_failed(stream):
            _drop(stream)
    return status


def _is_of_unbuffered(stream: TextIO, error: OSError) -> bool:
    """Whether the error is likely that of writing there: without buffers nothing else is left of it."""
    return error.errno in _FULL and error.filename is None and getattr(stream, "write_through", False)


def _tell(sentence: str) -> None:
    with suppress(OSError):
        say(f"{program()}: {sentence}", is_error=True)


def _has_failed(stream: TextIO) -> bool:
    try:
        stream.flush()
    except OSError:
        return True
    return False


def _drop(stream: TextIO) -> None:
    """Have the rest of what is written there go nowhere, or Python would complain when it exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _about_system(error: OSError) -> str:
    what = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _about_full_disk("A file" if error.filename is None else os.fsdecode(error.filename))
    if error.filename is None:
        return f"The system refuses what is needed ({what}); see the limits of this user, its memory and its disks."
    return f"{os.fsdecode(error.filename)} cannot be used ({what}); see that this user may, and that its disk works."


def _about_full_disk(path: Path | str) -> str:
    return f"{path} cannot be written, because its disk is full; free some space, and run this again."


def _about_redis(error: Exception) -> str | None:
    """A sentence about an error of redis-py; None for any other."""
    # Whoever can raise one has imported them.
    from redis.exceptions import RedisError

    from podcrawler.redis.answers import sentence_about

    return sentence_about(error) if isinstance(error, RedisError) else None
