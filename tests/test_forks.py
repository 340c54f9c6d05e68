"""What a fork has of the process that it was forked from, and what it has not."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import atexit, json, os, random, signal, sys, threading
from pathlib import Path
from podcrawler.forks import fork

def work():
    Path("out").write_text(json.dumps({
        "handlers": [signal.getsignal(number) == expected for number, expected in (
            (signal.SIGTERM, signal.SIG_DFL),
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGHUP, signal.SIG_IGN),
            (signal.SIGPIPE, signal.SIG_IGN),
        )],
        "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        "leads_a_session": os.getsid(0) == os.getpid(),
        "descriptors": sorted(map(int, os.listdir("/proc/self/fd"))),
        "random": random.random(),
        "read": sys.stdin.read(),
    }))
    print("printed \\u2713")
    print("told", file=sys.stderr)
    BODY

signal.signal(signal.SIGTERM, lambda *_: os._exit(9))
signal.signal(signal.SIGHUP, signal.SIG_IGN)
atexit.register(Path("ended").write_text, "once")
held = open("held", "w")
random.seed(1)
sys.stdout.write("before ")
try:
    with open(os.devnull) as nothing, open("log", "a") as log:
        forked = fork(work, stdin=nothing.fileno(), output=log.fileno())
    WAIT
    print(forked.wait(), forked.poll())
except KeyboardInterrupt:
    print("unwound")
"""


def run(folder: Path, body: str, wait: str = "pass") -> str:
    program = _PROGRAM.replace("BODY", body).replace("WAIT", wait)
    ended = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    return ended.stdout


def test_a_fork_is_as_an_interpreter_that_has_just_started(tmp_path: Path) -> None:
    assert run(tmp_path, "return 3") == "before 3 3\n"
    assert (tmp_path / "log").read_text(encoding="utf-8") == "printed ✓\ntold\n"
    told = json.loads((tmp_path / "out").read_text())
    assert told.pop("random") != 0.13436424411240122, "that is what the seed of the other leads to"
    # The fourth is the folder that is being listed.
    assert told == {
        "handlers": [True] * 4,
        "blocked": [],
        "leads_a_session": True,
        "descriptors": [0, 1, 2, 3],
        "read": "",
    }


@pytest.mark.parametrize("error", ["raise KeyboardInterrupt", "raise SystemExit(0)", "1 / 0"])
def test_a_fork_never_goes_on_with_what_the_other_was_doing(tmp_path: Path, error: str) -> None:
    assert run(tmp_path, error) == "before 1 1\n"
    assert (tmp_path / "ended").read_text() == "once"
    assert "Traceback" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_fork_ends_by_signals(tmp_path: Path, number: signal.Signals) -> None:
    signalled = f"forked.wait(0); forked.send_signal({int(number)})"
    assert run(tmp_path, "signal.pause()", signalled) == f"before {-number} {-number}\n"


def test_waiting_has_an_end(tmp_path: Path) -> None:
    wait = "print(forked.wait(0.01)); os.kill(forked.pid, signal.SIGKILL)"
    assert run(tmp_path, "signal.pause()", wait) == "before None\n-9 -9\n"


_INTERRUPTED = """
import _thread, itertools, os, signal
from podcrawler.forks import fork

valid = signal.valid_signals()
MEANWHILE
try:
    with open(os.devnull) as nothing, open("log", "a") as log:
        fork(signal.pause, stdin=nothing.fileno(), output=log.fileno())
except KeyboardInterrupt:
    print("interrupted", sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("no child")
"""
MEANWHILE = {
    "while signals are blocked": "os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGINT))",
    # Its handler is run before they are: when the call that blocks them returns.
    "just before": "signal.valid_signals = lambda: itertools.filterfalse(_thread.interrupt_main, valid)",
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_whoever_is_interrupted_while_it_forks_has_no_fork_and_gets_signals(tmp_path: Path, meanwhile: str) -> None:
    program = _INTERRUPTED.replace("MEANWHILE", MEANWHILE[meanwhile])
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("interrupted []\nno child\n", "")


def test_a_fork_has_a_status_where_ended_children_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "ignoring.py").write_text(
        "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nos.execv(sys.executable, sys.argv[1:])"
    )
    program = _PROGRAM.replace("BODY", "return 3").replace("WAIT", "pass")
    command = [sys.executable, "ignoring.py", sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("before 3 3\n", "")
