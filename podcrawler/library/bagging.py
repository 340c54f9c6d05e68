"""Makes a bag of a podcast (BagIt, RFC 8493): its files with their digests, as libraries and archives exchange them.

A bag is made under a hidden name, and has its own when it is whole. Media files are hard links where the disk can, so
that a bag takes no room. All else is copied, because lines are added to it.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from podcrawler.agent import Agent
from podcrawler.exceptions import BagError
from podcrawler.items import Podcast
from podcrawler.library.catalog import Catalog
from podcrawler.library.fixity import Reader
from podcrawler.printing import printable
from podcrawler.store import names
from podcrawler.store.fs import NO_HARD_LINKS, open_folder
from podcrawler.store.journal import read_manifest
from podcrawler.store.sidecar import SidecarError

_DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_FOLDER_MODE = 0o777
#: What a name must not have in a manifest (RFC 8493 §2.1.3). Other percent signs stay: bagit-python takes them as they
#: are, and nothing takes them for something else.
_ESCAPED = re.compile(r"[\r\n]|%(?=0[AaDd]|25)")


class Bag(NamedTuple):
    """A bag that was made."""

    path: Path
    files: int
    #: Bytes of the files.
    size: int


def make_bag(catalog: Catalog, podcast_id: str, target: Path, agent: Agent, reader: Reader) -> Bag:
    """Make a bag of a podcast's folder. Blocking. Raises BagError."""
    if os.path.lexists(target):
        raise BagError(f"There is something at {target} already: give another place with --to, or remove it.")
    made = None
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        bag = _fill(catalog, podcast_id, made, agent, reader)
        made.chmod(_FOLDER_MODE & ~_umask())
        os.sync()
        made.rename(target)
    except OSError as error:
        # Of a copy that fails, the first name is that of what is read.
        where = os.fsdecode(error.filename2 or error.filename or target)
        raise BagError(
            f"The bag {target} cannot be made ({error.strerror}: {where}); nothing of it is left."
        ) from error
    finally:
        if made:
            shutil.rmtree(made, ignore_errors=True)
    return bag._replace(path=target)


def _fill(catalog: Catalog, podcast_id: str, bag: Path, agent: Agent, reader: Reader) -> Bag:
    source, payload = catalog.root / podcast_id, bag / "data"
    payload.mkdir()
    with open_folder(source) as folder:
        told = read_manifest(folder)
        files = sorted(name for name in folder.names() if _belongs(name) and folder.found_file(name))
    if not any(map(names.episode_of, files)):
        raise BagError(f"There are no media files of {podcast_id} in {catalog.root}: a bag of it would be empty.")
    for name in files:
        _put(source / name, payload / name, is_linked=names.episode_of(name) != "")
    digests, size = {}, 0
    for name, read in reader.digests((name, payload / name) for name in files):
        if read.error or (name in told and told[name] != read.sha256):
            raise BagError(
                f"{podcast_id}/{name} is not what the manifest says, and no bag is made of it: "
                f"`verify {podcast_id} --deep --repair` comes first."
            )
        digests[f"data/{name}"] = read.sha256
        size += read.size
    tags = {
        "bagit.txt": _DECLARATION,
        "bag-info.txt": _info(podcast_id, _podcast(catalog, podcast_id), agent, size, len(files)),
        "manifest-sha256.txt": _manifest(digests),
    }
    contents = {name: os.fsencode(text) for name, text in tags.items()}
    tag_digests = {name: sha256(content).hexdigest() for name, content in contents.items()}
    contents["tagmanifest-sha256.txt"] = _manifest(tag_digests).encode()
    for name, content in contents.items():
        (bag / name).write_bytes(content)
    return Bag(bag, len(files), size)


def _belongs(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(names.PART_SUFFIX)


def _put(source: Path, target: Path, *, is_linked: bool) -> None:
    if is_linked:
        try:
            os.link(source, target, follow_symlinks=False)
            return
        except OSError as error:
            if error.errno not in NO_HARD_LINKS:
                raise
    shutil.copy2(source, target, follow_symlinks=False)


def _podcast(catalog: Catalog, podcast_id: str) -> Podcast | None:
    with suppress(SidecarError):
        if record := catalog.podcast(podcast_id):
            return record.podcast
    return None


def _info(podcast_id: str, podcast: Podcast | None, agent: Agent, size: int, files: int) -> str:
    """The metadata of the bag (RFC 8493 §2.2.2)."""
    fields = {
        "Bagging-Date": f"{datetime.now(UTC):%Y-%m-%d}",
        "Bag-Software-Agent": agent.program,
        "Internal-Sender-Identifier": podcast_id,
        "External-Identifier": podcast.guid if podcast else "",
        "External-Description": podcast.title if podcast else "",
        "Payload-Oxum": f"{size}.{files}",
    }
    return "".join(f"{name}: {value}\n" for name, text in fields.items() if (value := _in_one_line(text)))


def _in_one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def _manifest(digests: Mapping[str, str]) -> str:
    return "".join(f"{digest}  {_escape(name)}\n" for name, digest in digests.items())


def _escape(name: str) -> str:
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", name)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
