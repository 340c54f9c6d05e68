"""For scrapyd, whose eggs are built by ``setup.py bdist_egg``; everything is in pyproject.toml."""

from setuptools import setup

setup()
