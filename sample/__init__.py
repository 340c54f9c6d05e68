"""A small web site with invented podcasts, served on this machine, to try podcrawler without the internet.

``python -m sample archive`` serves and archives it; ``python -m sample serve`` only serves it.
"""
