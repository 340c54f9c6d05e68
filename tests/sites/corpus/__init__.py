"""A corpus of small feeds of our own, each with one oddity, and what is expected of it; a table for each topic."""

from tests.sites.corpus import broken, dates, embedded, encodings, files, formats, identities
from tests.sites.corpus.case import Case

CASES: list[Case] = [
    case for table in (formats, broken, encodings, dates, files, embedded, identities) for case in table.CASES
]
