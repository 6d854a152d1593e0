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


@strawberry.type(description="One reason for or against two patients being one person.")
class MatchWeight:
    bits: float = strawberry.field(
        description="Log-odds, base 2: what speaks for it is over 0, what speaks against it below. 1 doubles the odds."
    )
    sentence: Label = strawberry.field(description="The reason as a sentence.")


def weight_from(stored: Mapping[str, Any]) -> MatchWeight:
    """A weight as a review or a link keeps it."""
    return MatchWeight(bits=stored["bits"], sentence=label_from(stored))
