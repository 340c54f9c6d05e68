"""Records what other programs leave on disk: ``python -m tests.library.record_rivals PROGRAM...`` runs each on the show
of rivals.py, and writes ``left/<program>.json``. The programs are to be on the PATH: podcast-archiver (PyPI), gpo
(Debian's package gpodder).
"""

import argparse
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

from tests.changing_web import changing_web
from tests.library.rivals import FEED, FIRST, RECORDED, SHOW, TITLE, pages, recorded


def podcast_archiver(folder: Path, environment: Mapping[str, str], *options: str) -> str:
    database = ["--database", str(folder / "podcast-archiver.db")]
    _run(["podcast-archiver", "-q", "--feed", FEED, "--dir", str(folder), *database, *options], environment)
    return _version(["podcast-archiver", "--version"])


def podcast_archiver_info(folder: Path, environment: Mapping[str, str]) -> str:
    """With a file of JSON beside each, and no database."""
    program = podcast_archiver(folder, environment, "--write-info-json", "--slugify")
    (folder / "podcast-archiver.db").unlink()
    return program


def gpodder(folder: Path, environment: Mapping[str, str]) -> str:
    environment = {**environment, "GPODDER_HOME": str(folder)}
    for command in (["subscribe", FEED], ["update"], ["download"]):
        _run(["gpo", *command], environment)
    for path in folder.glob("*"):
        if path.name not in ("Database", "Downloads"):
            subprocess.run(["rm", "-r", str(path)], check=True)
    return f"gPodder {_version(['dpkg-query', '--show', '--showformat=${Version}', 'gpodder'])}"


def podcast_dl(folder: Path, environment: Mapping[str, str]) -> str:
    """podcast-dl itself was not to be had: these are the names and the JSON that its source tells of (bin/naming.js,
    bin/meta.js), on a machine in Hong Kong. Of two files of one name it keeps the first one."""
    for told in reversed(SHOW):
        moment = FIRST + timedelta(days=told.day)
        day = moment.astimezone(timezone(timedelta(hours=8)))
        stem = re.sub(r"\.+$", "", re.sub(r'[<>:"/\\|?*]+', "_", f"{day:%Y%m%d}-{told.title}"))
        meta = {
            "title": told.title,
            "pubDate": format_datetime(moment),
            "enclosure": {"url": told.url, "type": "audio/mpeg"},
            **({"guid": told.guid.replace("&amp;", "&")} if told.guid else {}),
        }
        where = folder / re.sub(r'[<>:"/\\|?*]+', "_", TITLE)
        where.mkdir(exist_ok=True)
        if not (where / f"{stem}.mp3").exists():
            (where / f"{stem}.mp3").write_bytes(told.body)
            if environment.get("META"):
                (where / f"{stem}.meta.json").write_text(json.dumps(meta, indent=4), encoding="utf-8")
    return "podcast-dl 12.1.2, by its source"


def podcast_dl_meta(folder: Path, environment: Mapping[str, str]) -> str:
    """With a file of JSON beside each (``--include-episode-meta``)."""
    return podcast_dl(folder, {**environment, "META": "1"})


PROGRAMS: dict[str, Callable[[Path, Mapping[str, str]], str]] = {
    "podcast-archiver": podcast_archiver,
    "podcast-archiver-info": podcast_archiver_info,
    "gpodder": gpodder,
    "podcast-dl": podcast_dl,
    "podcast-dl-meta": podcast_dl_meta,
}


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL)


def _version(command: list[str]) -> str:
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return " ".join(re.sub(r"[^\w. +-]", " ", told).split())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="+", choices=PROGRAMS)
    for name in parser.parse_args().programs:
        with tempfile.TemporaryDirectory() as folder, changing_web() as web:
            web.pages = pages()
            home = Path(folder) / "home"
            home.mkdir()
            left = Path(folder) / "left"
            left.mkdir()
            environment = {**os.environ, "HOME": str(home), "TZ": "UTC", "http_proxy": web.address}
            program = PROGRAMS[name](left, environment)
            RECORDED.mkdir(exist_ok=True)
            (RECORDED / f"{name}.json").write_text(recorded(program, left), encoding="utf-8")


if __name__ == "__main__":
    main()
