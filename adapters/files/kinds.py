"""What a kind of file is, and a column of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.files.cells import ReadCell
from hub.message import Tells

SEXES = {"male": "男", "female": "女", "other": "其他", "unknown": "未知"}
SEXES_WRITTEN = {"1": "male", "2": "female", "0": "unknown", "9": "unknown", "m": "male", "f": "female"}
"""GB/T 2261.1, and HL7's table 0001, as hospitals' databases hold them."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. A file may lack it, or leave its cells empty, unless it is `required`."""

    name: str
    zh: str
    read: ReadCell
    required: bool = False
    also: tuple[str, ...] = ()
    """Other names that its header may have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileKind:
    """One kind of file. `tells` is what a source must have a say in to send it; `key` the columns that no two rows
    share, none where rows belong together. In a kind of `single` rows each says all that there is to say of its thing,
    so a faulty one keeps no other back."""

    name: str
    zh: str
    tells: Tells
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    single: bool = False

    def named(self) -> Mapping[str, Column]:
        """The columns by all their names, without regard to case."""
        return {name.casefold(): column for column in self.columns for name in (column.name, column.zh, *column.also)}
