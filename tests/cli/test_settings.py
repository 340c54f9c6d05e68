"""Settings without Scrapy: they are what Scrapy makes of the same options, module and environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: What decides which archive a command looks at, and how it speaks to it.
NAMES = ["PODCRAWLER_NAMESPACE", "FILES_STORE", "REDIS_URL", "REDIS_HOST", "REDIS_PARAMS", "PODCRAWLER_MAX_TRIES"]
OWN = """
PODCRAWLER_NAMESPACE = "mine"
FILES_STORE = "my-files"
"""
GIVEN = {
    "nothing": [],
    "options": ["PODCRAWLER_NAMESPACE=given", 'REDIS_PARAMS={"db": 1}', "REDIS_HOST=a=b"],
    "twice": ["FILES_STORE=first", "FILES_STORE=second"],
    "empty": ["FILES_STORE="],
}
ENVIRONMENTS = {
    "plain": {},
    "ours": {"PODCRAWLER_NAMESPACE": "around", "REDIS_URL": "redis://around", "PODCRAWLER_MAX_TRIES": "7"},
    "project": {"SCRAPY_SETTINGS_MODULE": "mine"},
    "both": {"SCRAPY_SETTINGS_MODULE": "mine", "PODCRAWLER_NAMESPACE": "around", "PODCRAWLER_MAX_TRIES": "7"},
}
SHOW = """
import json, sys
from podcrawler.cli.settings import read_settings, scrapy_settings
cases, names = map(json.loads, sys.argv[1:])
print(json.dumps([[[read(given).get(name) for name in names] for read in (read_settings, scrapy_settings)]
    for given in cases]))
"""


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_both_ways_to_read_settings_agree(tmp_path: Path, environment: str) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = not_this")
    (tmp_path / "below").mkdir()
    ours = ("PODCRAWLER_", "REDIS_", "FILES_STORE", "SCRAPY_")
    bare = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    shown = subprocess.run(
        [sys.executable, "-c", SHOW, json.dumps(list(GIVEN.values())), json.dumps(NAMES)],
        env={**bare, **ENVIRONMENTS[environment]},
        # The project is found by its scrapy.cfg.
        cwd=tmp_path / "below",
        capture_output=True,
        text=True,
        check=True,
    )
    found = dict(zip(GIVEN, json.loads(shown.stdout), strict=True))
    assert all(light == scrapys for light, scrapys in found.values())
    assert found["options"][0][0] == "given"
    assert found["twice"][0][1] == "second"
    assert found["nothing"][0][0] == {"plain": "podcrawler", "ours": "around"}.get(environment, "mine")
