"""Benchmarks of podcrawler, compared with other programs in the same run: ``python -m bench [NAME...]``."""
