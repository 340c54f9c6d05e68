"""What others see of an archive: feeds, and trees of files with names that people choose.

Made of the sidecars alone (store/sidecar.py), never of Redis, so that any copy of an archive can be published.
"""
