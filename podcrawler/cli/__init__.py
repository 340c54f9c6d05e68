"""The command line, for ``podcrawler X`` and, but for Scrapy's own commands, for ``scrapy X``.

Each command is a module with ``add_arguments(parser)`` and ``run(settings, options)``, which returns the exit status.
table.py lists them without importing any: a command imports what it needs when it is called, and those that look at an
archive do without Scrapy.
"""
