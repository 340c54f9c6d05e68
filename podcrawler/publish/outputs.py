"""Files that are made of what an index knows: each is made again only if something has changed that it is made of."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from podcrawler.publish.files import write_if_changed
from podcrawler.publish.index import Output
from podcrawler.store.fs import Folder


@dataclass(slots=True)
class Outputs:
    """The files of one folder, which is open, and where it is. ``known`` is what an earlier run wrote, and changes."""

    folder: Folder
    place: Path
    known: dict[str, Output]
    #: Files that were written, and those that stayed as they were.
    written: int = 0
    unchanged: int = 0

    def update(self, name: str, made_of: Any, write: Callable[[IO[bytes]], bool]) -> None:
        """Have ``write`` write a file if need be; it says whether that is whole. What is not is made again the next
        time. ``made_of`` can be JSON. Raises PublishError and OSError."""
        digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
        path = str(self.place / name)
        known = self.known.pop(path, None)
        is_whole = True
        if known and known == self._present(name, digest):
            self.unchanged += 1
        else:

            def wrote(file: IO[bytes]) -> None:
                nonlocal is_whole
                is_whole = write(file)

            is_new = write_if_changed(self.folder, self.place / name, wrote)
            self.written += is_new
            self.unchanged += not is_new
        if is_whole and (found := self._present(name, digest)):
            self.known[path] = found

    def remove(self, name: str) -> None:
        """Remove a file that is no longer wanted."""
        self.folder.remove(name)
        self.known.pop(str(self.place / name), None)

    def _present(self, name: str, digest: str) -> Output | None:
        found = self.folder.found(name)
        return Output(digest, found.st_mtime_ns, found.st_size) if found else None
