"""The signals that podcrawler sends through Scrapy's signal manager, beside Scrapy's own."""

#: Sent once by the node when it begins to stop. No arguments. Receivers begin nothing new; what is in hand may go on
#: for the time of grace (``PODCRAWLER_SHUTDOWN_GRACE``).
node_draining = object()

#: Sent once by the node when that time is over. No arguments. Receivers let go of what they hold at once; the
#: download handler gives up every transfer in hand and takes no new ones.
node_stopping = object()

#: Sent by the node for each lease that it no longer holds (expired, or taken by another node).
#: Arguments: ``token: str``, the lease's token. What runs under that token must be given up.
lease_lost = object()
