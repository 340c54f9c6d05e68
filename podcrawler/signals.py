"""The signals that podcrawler sends through Scrapy's signal manager, beside Scrapy's own."""

#: Sent once, when the node starts to drain. No arguments. Receivers start nothing new; what is under way may finish
#: within the grace period (``PODCRAWLER_SHUTDOWN_GRACE``).
node_draining = object()

#: Sent once, after node_draining: when the grace period is over, or when the node closes. No arguments. Receivers
#: abandon their work at once; the download handler cancels every transfer and refuses new ones.
node_stopping = object()

#: Sent for each lease that the node has lost (it expired, and another node may hold the entry now).
#: Arguments: ``token: str``, the lease's token. Work under that token must be cancelled.
lease_lost = object()
