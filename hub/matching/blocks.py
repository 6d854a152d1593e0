"""Whom a person is worth comparing with: keys of several passes, one of which two records of one person share."""

from collections.abc import Iterator
from hashlib import blake2b

from hub.matching.addresses import read_address
from hub.matching.implied import born_of, mothers_of
from hub.matching.names import stand_in
from hub.matching.person import Person, is_whole
from hub.matching.spelling import sounds

MOST_SHARING = 200
"""Persons under one key; one that more share says too little of anybody, and costs too much to look behind."""


def keys_of(person: Person) -> tuple[str, ...]:
    """Blocking keys, each beginning with its pass."""
    return tuple(dict.fromkeys((*_by_numbers(person), *_by_names(person), *_by_household(person))))


def hashed(key: str) -> int:
    """A key as it is stored: signed, of 64 bits."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def _by_numbers(person: Person) -> Iterator[str]:
    for one in (*person.numbers, *person.anothers):
        yield f"number:{one.value}"


def _by_names(person: Person) -> Iterator[str]:
    """By how a name sounds with a telephone, the house, the year or the day of the year, for whose date is wrong
    elsewhere; by its first or last character with the birth date, for whose name is miswritten."""
    born = born_of(person)
    for name in person.names:
        if stand_in(name):
            continue
        for sound in sounds(name):
            yield from (f"sound+phone:{sound}|{phone}" for phone in person.phones)
            yield from (f"sound+house:{sound}|{house}" for house in _houses(person))
            if born:
                yield f"sound+year:{sound}|{born[:4]}"
            if is_whole(born):
                yield f"sound+day:{sound}|{born[5:]}"
        if is_whole(born):
            yield f"first+born:{name[:1]}|{born}"
            yield f"last+born:{name[-1:]}|{born}"


def _by_household(person: Person) -> Iterator[str]:
    """By a telephone, the house or the mother together with the birth date: a newborn has no name yet, and a name may
    be another one altogether."""
    born = born_of(person)
    if not born:
        return
    yield from (f"phone+year:{phone}|{born[:4]}" for phone in person.phones)
    if is_whole(born):
        yield from (f"house+born:{house}|{born}" for house in _houses(person))
    yield from (f"mother+month:{mother}|{born[:7]}" for mother in mothers_of(person))
    yield from (f"born+newborn:{one.surname}|{born}" for name in person.names if (one := stand_in(name)))


def _houses(person: Person) -> Iterator[str]:
    for address in person.addresses:
        found = read_address(address)
        if found.numbers:
            yield f"{found.words[-3:]}{found.numbers[-1]}"
