"""Source profiles: one folder a sending system, its ``source.toml`` read into a `Source`.

A profile says who sends, how, in which character set, and what the source means by its own identifier types.
"""

from hub.sources.book import SourceBook
from hub.sources.keys import KEYS, Key
from hub.sources.reading import IsKnown, check_apart, find_faults, load_sources, read_source

__all__ = ["KEYS", "IsKnown", "Key", "SourceBook", "check_apart", "find_faults", "load_sources", "read_source"]
