"""How one kind of refusal is said."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """What is wrong and what to do next, in both languages. `{name}` is filled from what a refusal was given,
    `{where}` from its position."""

    en: str
    zh: str
    next_en: str
    next_zh: str
