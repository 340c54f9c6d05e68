"""A node keeps no bytes of a file whose transfer has ended, however it ended, and without the garbage collector."""

import pytest

from tests.conftest import Commands
from tests.origin import RunningOrigin
from tests.watching import watch

#: Bytes of files.
COUNT = "sum(len(thing.content().read()) for thing in things if isinstance(thing, PartFile) and thing.is_buffered)"


@pytest.mark.parametrize("behaviour", ["", "truncate=500", "type=text/html", "status=404"])
def test_no_file_stays_in_memory(fleet: Commands, origin: RunningOrigin, behaviour: str) -> None:
    address = f"{origin.address}/feed.xml?episodes=20&size=1000&{behaviour}"
    watched = watch(fleet, "from podcrawler.store.part import PartFile", COUNT)
    fleet.drain("-a", f"address={address}", *watched, "-s", "PODCRAWLER_MAX_TRIES=1", "-s", "LOG_FILE=log")
    log = (fleet.folder / "log").read_text()
    assert log.count("] INFO: finished ") + log.count("] ERROR: failed ") == 20
    assert "] INFO: left: 0" in log
