"""``README.txt`` in the root of an archive: what is in it, for whoever finds it in twenty years."""

import os
from pathlib import Path

from podcrawler.store.fs import open_below
from podcrawler.store.journal import put
from podcrawler.store.sidecar import README_NAME

TEXT = """\
podcrawler archive 1

This folder is an archive of podcasts: radio programmes and other recordings that were published on the internet, each
with what its publisher told of it. It was made by podcrawler, a program for archiving podcasts, but no program is
needed to use it: the recordings are ordinary audio and video files, and all else is text in UTF-8.

What is where

  PODCAST/                              one folder for each podcast; its name is the podcast's id
  PODCAST/podcast.json                  what was told of the podcast: its title, its address, ...
  PODCAST/cover.jpg                     its picture, if there is one
  PODCAST/EPISODE.TITLE.mp3             one recording, by the id and the title of the episode; the ending tells
                                        its format. ".v2" before the ending: a second version that the publisher
                                        put in place of the first
  PODCAST/EPISODE.TITLE.mp3.json        its sidecar: what is known of the recording beside it
  PODCAST/EPISODE.TITLE.jpg, .vtt, ...  its cover, transcripts and chapters, if there are any: its sidecar tells of
                                        each
  PODCAST/manifest-sha256.txt           the checksums of the recordings in the folder
  PODCAST/events.jsonl                  what became of each recording, and when
  .visits/PODCAST/TIME.SHA256.xml.gz    what the publisher listed at a time, as it came

Names that end in ".part" are of downloads that were broken off, and others that begin with a dot are podcrawler's own.
Neither is needed.

How to check that nothing is damaged

  In the folder of a podcast, run

      sha256sum -c manifest-sha256.txt

  It reads each recording, and says "OK" if it has not changed since it was archived. On a system without sha256sum,
  any program that computes SHA-256 will do: each line of the manifest is the checksum of a file in hexadecimal digits,
  two blanks, and the name of the file. The sidecars have the same checksums.

How to read a sidecar

  It is JSON: open it with any text editor, or a web browser. Its parts, as far as there is something to tell:

    format    what this form is called: "podcrawler sidecar 1"
    file      the recording: its name, its size in bytes, its SHA-256; "verified" is true if it is known to be
              complete
    capture   how it came here: when, by which program on which machine, from which address, through which
              redirects, and what the server said of it; null if the recording was here before
    episode   what the publisher told: title, date of publication, description, persons, ...
    beside    the files beside the recording; "absent" are those that could not be had
    chapters  the chapters that the recording itself has

  Each line of events.jsonl is JSON of the same kind. Times are in UTC (ISO 8601).
"""


def write(root: Path) -> None:
    """Write it, unless there is a file of that name. Blocking. Raises OSError."""
    with open_below(os.fspath(root), ()) as folder:
        if folder.found(README_NAME) is None:
            put(folder, README_NAME, TEXT.encode())
            folder.sync()
