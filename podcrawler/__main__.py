"""The command ``podcrawler``: Scrapy's own command line with podcrawler's settings, from any folder.

Nothing is imported from the working folder, which may be shared with strangers: not even where Python puts it first
(``python -m``), or where a scrapy.cfg is in it. A project with settings of its own (``SCRAPY_SETTINGS_MODULE``) may do
so.
"""

# No other module, until the working folder is out of the way.
import os
import sys

_SETTINGS = "podcrawler.settings"


def main() -> None:
    _forget_working_folder()
    from scrapy.cmdline import execute
    from scrapy.utils.project import get_project_settings

    path = sys.path.copy()
    settings = None
    if os.environ.setdefault("SCRAPY_SETTINGS_MODULE", _SETTINGS) == _SETTINGS:
        settings = get_project_settings()
        # Without the folder of a scrapy.cfg.
        sys.path[:] = path
        if editor := os.environ.get("EDITOR"):
            settings.set("EDITOR", editor)
    execute(settings=settings)


def _forget_working_folder() -> None:
    """Undo what ``python -m`` does, unless podcrawler itself is there: in a checkout."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    if sys.path[0] == os.getcwd() != root:  # noqa: PTH109
        del sys.path[0]


if __name__ == "__main__":
    main()
