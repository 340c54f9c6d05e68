"""The form of the ids of podcasts and episodes, and of the numbers of versions."""

import re

#: The ids are folder and file names, and keys in Redis: nothing in them needs quoting, and an episode's has no dot.
PODCAST_ID = re.compile(r"[a-z0-9-]{1,60}")
EPISODE_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
#: Of the file of one episode; the first is 1.
MOST_VERSIONS = 1000
