"""The options and the result of a benchmark, and how results are rendered and written into docs/benchmarks.md."""

import os
import platform
import re
import subprocess
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from typing_extensions import override

from podcrawler import __version__

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
#: Matches the start of every section.
_SECTION = re.compile(r"^(?=## )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Options:
    """The size of a run."""

    #: Small sizes and one repetition, for a quick check.
    small: bool
    #: Runs of each program; results are medians.
    repetitions: int
    #: Folder in which the programs to compare with are installed.
    rivals: Path


@dataclass(frozen=True, slots=True)
class Result:
    """A section of the page."""

    title: str
    #: One paragraph: what was measured, and how.
    about: str
    #: The commands as they were run.
    commands: Sequence[str]
    #: Column titles.
    head: Sequence[str]
    #: As many cells per row as there are columns.
    rows: Sequence[Sequence[str]]
    #: Conclusions from the table, one sentence each.
    findings: Sequence[str] = ()

    @override
    def __str__(self) -> str:
        """The section in Markdown, with the date and a description of the machine."""
        parts = [f"## {self.title}", _wrapped(self.about)]
        if self.commands:
            parts.append("\n".join(["```", *self.commands, "```"]))
        parts.append(_table(self.head, self.rows))
        if self.findings:
            parts.append("\n".join(f"- {finding}" for finding in self.findings))
        parts.append(
            _wrapped(f"Measured on {datetime.now(UTC):%Y-%m-%d} with podcrawler {_version()} on {_machine()}.")
        )
        return "\n\n".join(parts) + "\n"


def write(section: str) -> None:
    """Replace the section of the same title in docs/benchmarks.md, or append it; other sections stay unchanged."""
    head, *sections = _SECTION.split(PAGE.read_text(encoding="utf-8"))
    page = {_title(text): text.rstrip() for text in [*sections, section]}
    PAGE.write_text("\n\n".join([head.rstrip(), *page.values()]) + "\n", encoding="utf-8")


def _wrapped(paragraph: str) -> str:
    return textwrap.fill(paragraph, 120, break_long_words=False, break_on_hyphens=False)


def _title(section: str) -> str:
    return section.partition("\n")[0]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, cells)) for cells in zip(head, *rows, strict=True)]
    # The first column holds names and is left-aligned, the others hold numbers.
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(cells)]
        for cells in (zip(row, widths, strict=True) for row in (head, rule, *rows))
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _version() -> str:
    commit = _git("describe", "--always")
    # Without the page, which changes with each benchmark of a run.
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{PAGE.relative_to(ROOT)}")
    return f"{__version__} ({commit}{', changed' if changes else ''})" if commit else __version__


def _git(*arguments: str) -> str:
    """Output of a git command in this checkout; empty outside of a repository."""
    completed = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return completed.stdout.strip()


def _machine() -> str:
    """Processor, memory, file system of the temporary folder, kernel and Python version."""
    information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = re.findall(r"^model name\s*: (.*)$", information, re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores of {models[0] if models else platform.machine()}, {memory:.0f} GB of memory, "
        f"{_file_system()}, Linux {platform.release()}, Python {platform.python_version()}"
    )


def _file_system() -> str:
    folder = os.environ.get("TMPDIR", "/tmp")
    completed = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True)
    return completed.stdout.strip()
