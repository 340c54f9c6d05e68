"""A publisher of hostile documents and answers, each at its name, and of good feeds at all other addresses, of two
episodes or as many as the query says."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote

from typing_extensions import override

from tests import serving
from tests.reading.hostile import CODE, FEEDS, IN_FEEDS, Ending
from tests.reading.hostile_answers import ANSWERS
from tests.reading.hostile_pages import CODECS, IN_PAGES, PAGES

DOCUMENTS = {**IN_FEEDS, **IN_PAGES, **FEEDS, **PAGES, **CODECS, **CODE}
#: How each ends, by name.
ENDINGS: dict[str, Ending] = {name: document.ending for name, document in DOCUMENTS.items()}
ENDINGS |= {name: answer.ending for name, answer in ANSWERS.items()}


@contextmanager
def publishing() -> Iterator[str]:
    """A server for the time of the block: its address."""
    with serving.serving(_Handler) as port:
        yield f"http://127.0.0.1:{port}"


def _good_feed(title: str, episodes: int) -> str:
    items = "".join(
        f"<item><guid>{number}</guid><title>{number}</title><enclosure url='http://127.0.0.1:9/{number}.mp3'/></item>"
        for number in range(episodes)
    )
    return f"<rss><channel><title>{title}</title>{items}</channel></rss>"


class _Handler(serving.Handler):
    @override
    def get(self) -> None:
        path, _, query = self.path[1:].partition("?")
        name = unquote(path)
        # Whoever has had enough closes the connection.
        with suppress(ConnectionError):
            if name in ANSWERS:
                self.close_connection = True
                ANSWERS[name].send(self.connection, f"http://{self.headers['Host']}{self.path}")
            else:
                self._send_document(name, query)

    def _send_document(self, name: str, query: str) -> None:
        document = DOCUMENTS.get(name)
        body = document.body() if document else _good_feed(name, int(query) if query.isdecimal() else 2)
        content = body if isinstance(body, bytes) else body.encode()
        kind = document.content_type if document else ""
        self.answer(200, content, **({"Content-Type": kind} if kind else {}))
