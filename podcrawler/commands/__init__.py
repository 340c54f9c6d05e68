"""The commands as Scrapy finds them (``COMMANDS_MODULE``), one module each, named after the command.

Those of ours are in podcrawler/cli. Those that are made of Scrapy's are here, for both ``scrapy`` and ``podcrawler``.
"""
