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

#: Sent for each episode that this node has recorded as finished, once. Arguments: ``episode: Episode``, with what is
#: known of its file. What sends it waits for receivers that are coroutines.
episode_finished = object()

#: Sent for each entry that has failed for good on this node. Arguments: ``key: str``, ``kind: str`` and
#: ``reason: str``, as ``podcrawler failed`` tells them. What sends it waits, as above.
entry_failed = object()

#: Sent for each subscription that is not checked any more. Arguments: ``address: str``, ``podcast_id: str`` (empty if
#: it was never found), ``title: str`` and ``reason: str``. What sends it waits, as above.
podcast_dead = object()
