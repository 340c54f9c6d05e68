"""The JSON Schemas in docs: ``python -m tests.schemas`` writes them anew (``make schemas``)."""

import json
from pathlib import Path

from podcrawler.store.sidecar import schemas

DOCS = Path(__file__).parent.parent / "docs"


def texts() -> dict[Path, str]:
    """What each file has to have."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {
        DOCS / name: json.dumps({**dialect, **schema}, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas().items()
    }


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
