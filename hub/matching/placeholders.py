"""What people and programs write where they have no number, telephone or name: all nines, counted up, 不详. Data, in
``mappings/codes/placeholder-values.csv``."""

import re
from functools import cache
from importlib.resources import files
from pathlib import Path

from hub.identifiers import normalise
from hub.mapping.codes import load_table


def is_placeholder(number: str) -> bool:
    """Whether a number of a person stands for none; so does an empty one."""
    value = normalise(number)
    return not value or _patterns("number").fullmatch(value) is not None


def is_placeholder_phone(digits: str) -> bool:
    """Whether a telephone number rings nowhere, or at whoever built the form."""
    return not digits or _patterns("phone").fullmatch(digits) is not None


def is_nobody(name: str) -> bool:
    """Whether a plain name is nobody's: 无名氏, 测试, nothing."""
    return not name or _patterns("name").fullmatch(name) is not None


@cache
def _patterns(of: str) -> re.Pattern[str]:
    """Each row is an expression of its own, whose first group is its own too."""
    table = load_table(Path(str(files("mappings"))) / "codes" / "placeholder-values.csv")
    found = [pattern for pattern, row in table.codes.items() if row.to == of]
    apart, groups = [], 0
    for pattern in found:
        apart.append(re.sub(r"\\1", rf"\\{groups + 1}", pattern))
        groups += re.compile(pattern).groups
    return re.compile("|".join(f"(?:{one})" for one in apart))
