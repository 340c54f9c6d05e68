"""The sites: the code that understands one kind of page or feed, one file each.

Sites are pure functions of a response to items: they use no Redis, disk, settings or network. A new site is one file in
this folder with one subclass of ``Site``, and saved pages with the items expected of them (tests/sites/<name>/).
known.py lists them. Nothing is imported here: what only counts entries (accounting.py) needs no site.
"""
