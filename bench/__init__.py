"""Measurements of what podcrawler promises, beside other programs in the same run: ``python -m bench [NAME...]``."""
