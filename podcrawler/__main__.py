"""The program ``podcrawler``, which works in any folder; its command line is in cli/.

Nothing is imported from the working folder, which may be shared with strangers: not even where Python puts it first
(``python -m``), or where a scrapy.cfg is in it. A project with settings of its own (``SCRAPY_SETTINGS_MODULE``) may do
so.
"""

# No other module, until the working folder is out of the way.
import os
import sys


def main() -> None:
    _open_standard_streams()
    _name_files_in_utf8()
    _have_a_home()
    _forget_working_folder()
    from podcrawler.cli.line import main as run_command_line

    run_command_line()


def _open_standard_streams() -> None:
    """Where one was closed (``2>&-``), the next socket would get its number, and what is meant for it."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            # The lowest number that is free.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _name_files_in_utf8() -> None:
    """Start again with names of files in UTF-8, if the locale has them in another encoding, in which output stays."""
    if sys.getfilesystemencoding() == "utf-8" or sys.flags.utf8_mode:
        return
    environment = {**os.environ, "PYTHONUTF8": "1"}
    if sys.stdout:
        environment.setdefault("PYTHONIOENCODING", f"{sys.stdout.encoding}:backslashreplace")
    program, *words = sys.orig_argv
    os.execve(sys.executable, [program, "-X", "utf8", *words], environment)


def _have_a_home() -> None:
    """Have a home folder that does not exist, if this user has none and is unknown to this machine: as in a container
    that is run as any user. Scrapy looks for its configuration there."""
    if os.path.expanduser("~") == "~":  # noqa: PTH111
        os.environ["HOME"] = "/nonexistent"


def _forget_working_folder() -> None:
    """Undo what ``python -m`` does, unless podcrawler itself is there: in a checkout."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    try:
        here = os.getcwd()  # noqa: PTH109
    except OSError:
        # It is gone, which cli/line.py tells.
        return
    if sys.path[0] == here != root:
        del sys.path[0]


if __name__ == "__main__":
    main()
