"""A small web site of invented podcasts, served on this machine, to see podcrawler work without the internet.

``python -m sample archive`` archives it; ``python -m sample serve`` only serves it.
"""
