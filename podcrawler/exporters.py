"""Scrapy's CSV exporter with cells that can be read back: values that have parts are JSON."""

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from scrapy import Field
from scrapy.exporters import CsvItemExporter as ScrapyCsvItemExporter
from scrapy.utils.serialize import ScrapyJSONEncoder
from typing_extensions import override


class CsvItemExporter(ScrapyCsvItemExporter):
    """A list of texts is joined with commas, as Scrapy does it; everything else that has parts is JSON, of which
    Scrapy would write Python's notation."""

    @override
    def serialize_field(self, field: Mapping[str, Any] | Field, name: str, value: Any) -> Any:
        value = super().serialize_field(field, name, value)
        if is_dataclass(value) or isinstance(value, (list, dict)):
            return json.dumps(value, cls=ScrapyJSONEncoder, ensure_ascii=False) if value else ""
        return value
