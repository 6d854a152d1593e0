"""Numbers of persons: GB 11643 citizen ID numbers and the cards that share their shape.

The address code is the place of first registration and may name a division that is long abolished, so it is never
held against a table; 81, 82 and 83 are residence permits of Hong Kong, Macao and Taiwan residents, which follow the
same structure, and so do foreigners' permanent residence cards since 1 December 2023, which begin with 9.
"""

import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import mul
from typing import Literal

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_FAMILIES = {"81": "residence-permit", "82": "residence-permit", "83": "residence-permit"}
_FOREIGN = "9"


@dataclass(frozen=True, slots=True)
class CitizenId:
    """A valid number of GB 11643, always 18 characters and upper case."""

    number: str
    birth_date: date
    sex: Literal["male", "female"]
    was_short: bool = False

    @property
    def kind(self) -> str:
        """Which card the number stands on, by its first digits: ``citizen-id``, ``residence-permit`` (810000, 820000
        and 830000) or ``foreigner-card`` (9)."""
        if self.number.startswith(_FOREIGN):
            return "foreigner-card"
        return _FAMILIES.get(self.number[:2], "citizen-id")

    @property
    def is_permit(self) -> bool:
        """Whether this is a residence permit of the 810000, 820000 and 830000 families."""
        return self.kind == "residence-permit"


def normalise(text: str) -> str:
    """A number as it is compared: NFKC (full-width digits), no white space, no hyphens, upper case."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(plain.split()).replace("-", "").upper()


def check_character(body: str) -> str:
    """The check character of the first 17 digits: ISO 7064 MOD 11-2."""
    return _CHECK[sum(map(mul, _WEIGHTS, map(int, body))) % 11]


@lru_cache(maxsize=1024)  # one message is asked for it several times, at the door and by the worker
def read_citizen_id(text: str) -> CitizenId | None:
    """The citizen ID number that a text is, or None where its length, birth date or check character is wrong.

    The 15-digit form of before 1999 has no check character and means the years 1900 to 1999.
    """
    number = normalise(text)
    if not number.isascii() or not number[:-1].isdigit():
        return None
    was_short = len(number) == 15 and number.isdigit()
    if was_short:
        body = f"{number[:6]}19{number[6:]}"
        number = body + check_character(body)
    if len(number) != 18 or check_character(number[:17]) != number[17]:
        return None
    born = _date(number[6:14])
    if born is None:
        return None
    return CitizenId(number, born, "male" if int(number[16]) % 2 else "female", was_short)


def _date(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
