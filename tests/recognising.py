"""A matcher that says what a test means: equal names, birth dates and phones, and nothing cleverer."""

from dataclasses import replace

from hub.intake import Desk
from hub.likeness import Matcher
from hub.matching.comparing import Comparison, Weight
from hub.matching.person import Person
from hub.record import Grade
from tests.desk import county_desk, kinds

GRADES = {3: Grade.CERTAIN, 2: Grade.PROBABLE, 1: Grade.POSSIBLE}


def compare(one: Person, other: Person) -> Comparison:
    """Who has one name is one person: certainly by birth date and phone, probably by one of them, else perhaps."""
    numbers = {of.value for of in one.numbers}, {of.value for of in other.numbers}
    if not set(one.names) & set(other.names) or (all(numbers) and not numbers[0] & numbers[1]):
        return Comparison(grade=Grade.NOT, score=-10.0, weights=())
    is_born, has_phone = one.birth_date == other.birth_date, bool(set(one.phones) & set(other.phones))
    alike = 1 + is_born + has_phone
    weight = Weight(bits=5.0, code="name-same", zh="姓名相同。", en="Same name.")
    return Comparison(grade=GRADES[alike], score=5.0 * alike, weights=(weight,))


def keys(person: Person) -> tuple[int, ...]:
    """Who has one name is worth comparing."""
    return tuple(sum(ord(one) << (16 * at) for at, one in enumerate(name[:3])) for name in person.names)


def plain_matcher() -> Matcher:
    """Compares in this way."""
    return Matcher(kinds=kinds(), keys=keys, compare=compare)


def plain_desk() -> Desk:
    """A desk that recognises people in this way."""
    return replace(county_desk(), matcher=plain_matcher())
