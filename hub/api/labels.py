"""Names in both languages."""

from collections.abc import Mapping
from typing import Any

import strawberry


@strawberry.type(description="A name for something, in both languages.")
class Label:
    zh: str = strawberry.field(description="In Chinese.")
    en: str = strawberry.field(description="In English.")


def label_from(said: Mapping[str, Any]) -> Label:
    """A label out of ``{"zh": ..., "en": ...}``."""
    return Label(zh=said["zh"], en=said["en"])
