"""The picture in the README, and the script that makes it."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

from tests.checkout import ROOT


def shown(picture: Path) -> str:
    """The text in a picture, without its blanks."""
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))
    return re.sub(r"\s", "", unescape("".join(texts)))


def test_the_script_records_a_first_run(tmp_path: Path) -> None:
    picture = tmp_path / "run.svg"
    subprocess.run([sys.executable, "-m", "sample.recording", picture, "--port", "0"], cwd=ROOT, check=True)
    # Times, rates and the order of downloads differ.
    for text in (
        "podcrawlerarchivehttp://127.0.0.1:",
        "of4episodes",
        "kB/s",
        "finishedlittle-rain-radio-5c0fd3f2/",
        "4finished(13.2MB),0alreadythere,0failed",
    ):
        assert text in shown(picture)


def test_the_readme_shows_such_a_picture() -> None:
    assert "(docs/first-run.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "4finished(13.2MB),0alreadythere,0failed" in shown(ROOT / "docs" / "first-run.svg")
