"""In a process of its own: the time limit of a test is an alarm, too."""

import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys, time
from podcrawler.fleet.patience import told_if_long
with told_if_long(lambda: print("told"), float(sys.argv[1])):
    # Goes on after the alarm.
    time.sleep(float(sys.argv[2]))
print(signal.getitimer(signal.ITIMER_REAL), signal.getsignal(signal.SIGALRM) == signal.SIG_DFL)
"""


@pytest.mark.parametrize(("patience", "length", "told"), [("0.01", "0.1", "told\n"), ("60", "0", "")])
def test_only_what_takes_long_is_told(patience: str, length: str, told: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, patience, length], capture_output=True, text=True, check=True
    )
    assert ended.stdout == f"{told}(0.0, 0.0) True\n"
