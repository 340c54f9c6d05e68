"""Why an entry of a page is left out."""

from enum import StrEnum


class Cause(StrEnum):
    """Why an entry of a page is no episode that can be fetched."""

    #: It names no file at all.
    NO_MEDIA = "no-media"
    #: Its files have no address that can be fetched.
    BAD_ADDRESS = "bad-address"
    #: Its files are of no wanted kind: pictures, documents, playlists, ...
    NOT_MEDIA = "not-media"
    #: It has the identity and the file of another entry of the page.
    DUPLICATE = "duplicate"
    #: The page has more entries than are read.
    LIMIT = "limit"
    #: It is an episode that the user does not want.
    UNWANTED = "unwanted"
    #: It lacks what the site makes its id of.
    NO_ID = "no-id"
    #: Its address or its guid is longer than any that is of use.
    TOO_LONG = "too-long"
    #: The document breaks off in it, before its identity.
    CUT_OFF = "cut-off"
