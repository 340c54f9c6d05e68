"""How Scrapy's exporters and users' pipelines see an Episode. The spiders import it, for its effect on itemadapter.

Not in items.py: itemadapter imports Scrapy, which commands that only read Redis do without.
"""

from collections.abc import Iterator, KeysView
from types import MappingProxyType
from typing import Any

from itemadapter import ItemAdapter
from itemadapter.adapter import DataclassAdapter
from typing_extensions import override

from podcrawler.items import Episode


class _EpisodeAdapter(DataclassAdapter):
    """How Scrapy's exporters see an Episode: its own fields, its details, and ``description_text``."""

    @classmethod
    @override
    def is_item(cls, item: Any) -> bool:
        return isinstance(item, Episode)

    @classmethod
    @override
    def is_item_class(cls, item_class: type) -> bool:
        return issubclass(item_class, Episode)

    @classmethod
    @override
    def get_field_names_from_class(cls, item_class: type) -> list[str]:
        names = super().get_field_names_from_class(item_class) or []
        # Dataclasses begin with what they inherit.
        own = [name for name in names if name in Episode.__slots__]
        return [*own, *(name for name in names if name not in own), "description_text"]

    @override
    def get_field_meta(self, field_name: str) -> MappingProxyType[str, Any]:
        return MappingProxyType({}) if field_name == "description_text" else super().get_field_meta(field_name)

    @override
    def field_names(self) -> KeysView[str]:
        return dict.fromkeys(self).keys()

    @override
    def __getitem__(self, field_name: str) -> Any:
        return self.item.description_text if field_name == "description_text" else super().__getitem__(field_name)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self.get_field_names_from_class(type(self.item)))


# itemadapter's README, "Extending itemadapter": the first class that takes an item is used.
ItemAdapter.ADAPTER_CLASSES = (_EpisodeAdapter, *ItemAdapter.ADAPTER_CLASSES)
