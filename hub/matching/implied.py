"""What follows from a person's own values: the birth date that a number proves, and who the mother is."""

from hub.identifiers import read_citizen_id
from hub.matching.names import stand_in
from hub.matching.numbers import CITIZEN_KINDS
from hub.matching.person import Person


def born_of(person: Person) -> str:
    """The birth date, whole where the person's own citizen number tells it."""
    for number in person.numbers:
        if number.kind in CITIZEN_KINDS and (found := read_citizen_id(number.value)):
            return found.birth_date.isoformat()
    return person.birth_date


def mothers_of(person: Person) -> tuple[str, ...]:
    """By what a mother is told: her name, also where it stands in for a newborn's, and her numbers."""
    named = (one.mother for name in person.names if (one := stand_in(name)) and one.mother)
    numbers = (one.value for one in person.anothers)
    return tuple(dict.fromkeys(one for one in (person.mother, *named, *person.mothers_numbers, *numbers) if one))
