"""Moments as arguments of a command."""

import argparse
import time

from podcrawler import moments


def moment(given: str) -> float:
    """The moment, in seconds since 1970, as ``moments.moment`` has it."""
    try:
        return moments.moment(given, time.time())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
