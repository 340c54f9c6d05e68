"""The command ``podcrawler``: Scrapy's own command line with podcrawler's settings, from any folder."""

import os

from scrapy.cmdline import execute


def main() -> None:
    os.environ.setdefault("SCRAPY_SETTINGS_MODULE", "podcrawler.settings")
    execute()


if __name__ == "__main__":
    main()
