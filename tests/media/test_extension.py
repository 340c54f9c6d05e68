"""The extension of a file by the headers of its answer, where its bytes and its address tell nothing."""

import random

from typing_extensions import override

from tests import serving
from tests.conftest import Commands

FEED = """<rss version="2.0"><channel><title>Show</title>
<item><title>Pilot</title><guid>1</guid><enclosure url="/get?n=1"/></item></channel></rss>"""


class Handler(serving.Handler):
    @override
    def get(self) -> None:
        if self.path == "/feed.xml":
            self.answer(200, FEED.encode(), Content_Type="application/rss+xml")
        else:
            # In the middle of a frame, where some cutters begin.
            body = random.Random(1).randbytes(9000)
            headers = {"Content_Disposition": 'attachment; filename="Pilot.m4a"', "Content_Type": "binary/octet-stream"}
            self.answer(200, body, **headers)


def test_the_server_may_tell_it_in_the_name_of_the_file(fleet: Commands) -> None:
    with serving.serving(Handler) as port:
        assert fleet.run("archive", f"http://127.0.0.1:{port}/feed.xml").status == 0
    assert [path.rpartition("/")[2] for path in fleet.files()] == ["1.Pilot.m4a"]
