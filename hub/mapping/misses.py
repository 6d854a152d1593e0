"""What of somebody else's leaves the mapping has not, one by one: of which item, whether only the label of a code
differs, and of which class it is.

Classes are data (TOML), so that the shares that a decision names can be counted anew:

```toml
[[class]]
name = "ways to reach somebody"
path = 'telecom\\.use$'     # patterns of the leaf's path and value, and of the pair's name
beside = '\\.system=phone$' # of another leaf of the same item, or of the resource: PATH=VALUE
label = true               # only the label differs: the same code of the same system is ours
elsewhere = true           # it stands in segments alone of which the standard has no table for the resource
zh = "..."
en = "..."
```

A miss is of the first class all of whose keys hold.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.errors import refuse
from hub.toml import NotToml, read_toml

Leaf = tuple[str, str]
_PATTERNS = ("path", "value", "pair", "beside")
_MARKS = ("label", "elsewhere")
_KEYS = frozenset({"name", "zh", "en", *_PATTERNS, *_MARKS})


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One item of a resource (a name, an identifier, its status): its leaves, and those of its resource. `elsewhere`:
    it comes from segments of which the standard has no table for the resource."""

    leaves: tuple[Leaf, ...]
    resource: tuple[Leaf, ...]
    labels: frozenset[Leaf] = frozenset()
    elsewhere: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Miss:
    """One leaf that is theirs and not ours. `tabled`: the standard has a row for it."""

    pair: str
    path: str
    value: str
    item: Item
    tabled: bool = False

    @property
    def is_label(self) -> bool:
        """Whether it is the label of a code that is ours too."""
        return (self.path, self.value) in self.item.labels


def missing_in(items: Sequence[Item], missing: Mapping[Leaf, int]) -> Iterator[tuple[Item, Leaf]]:
    """Which items the missing leaves are of: where several have an equal leaf, those of which most is missing."""
    left = Counter(missing)
    for item in sorted(items, key=lambda item: -sum(1 for leaf in item.leaves if leaf in missing) / len(item.leaves)):
        for leaf in item.leaves:
            if left[leaf] > 0:
                left[leaf] -= 1
                yield item, leaf


@dataclass(frozen=True, kw_only=True, slots=True)
class Class:
    """A class of misses, with what is said of it in both languages."""

    name: str
    zh: str
    en: str
    holds: Callable[[Miss], bool]


def load_classes(file: Path) -> tuple[Class, ...]:
    """The classes of a TOML file, in their order. Raises Refused (bad-argument)."""
    try:
        said = read_toml(file)[1]
    except (NotToml, OSError) as fault:
        raise refuse("bad-argument", str(file), reason=str(fault)) from None
    entries = said.get("class")
    if set(said) != {"class"} or not isinstance(entries, list):
        raise refuse("bad-argument", str(file), reason="[[class]]")
    try:
        return tuple(_class(entry) for entry in entries)
    except (ValueError, re.error) as fault:
        raise refuse("bad-argument", str(file), reason=str(fault)) from None


def _class(entry: Mapping[str, Any]) -> Class:
    if unknown := set(entry) - _KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    if missing := {"name", "zh", "en"} - set(entry):
        raise ValueError(f"missing keys {sorted(missing)}")
    patterns = {key: re.compile(entry[key]) for key in _PATTERNS if key in entry}
    marks = {key: bool(entry[key]) for key in _MARKS if key in entry}
    if not patterns and not marks:
        raise ValueError(f"{entry['name']!r} says nothing of its misses")

    def holds(miss: Miss) -> bool:
        said = {"label": miss.is_label, "elsewhere": miss.item.elsewhere}
        if any(said[key] != wanted for key, wanted in marks.items()):
            return False
        return all(any(pattern.search(text) for text in _texts(miss, key)) for key, pattern in patterns.items())

    return Class(name=entry["name"], zh=entry["zh"], en=entry["en"], holds=holds)


def _texts(miss: Miss, key: str) -> Iterable[str]:
    if key == "beside":
        return (f"{path}={value}" for path, value in miss.item.resource)
    return (getattr(miss, key),)


def classed(misses: Iterable[Miss], classes: Sequence[Class]) -> dict[str, list[Miss]]:
    """The misses by the name of their class, in the order of the classes; under "" those of none."""
    found: dict[str, list[Miss]] = {name: [] for name in (*(one.name for one in classes), "")}
    for miss in misses:
        found[next((one.name for one in classes if one.holds(miss)), "")].append(miss)
    return found
