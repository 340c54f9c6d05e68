"""Copies of this checkout, so that building leaves nothing in it."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def files_of_checkout() -> list[str]:
    """The files that git has, or would take: none that .gitignore names."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted({name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()})


def copy_checkout(folder: Path) -> Path:
    """Copy those files into ``folder``, which is made, and return it."""
    for name in files_of_checkout():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    return folder
