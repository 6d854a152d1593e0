"""Whom a person is worth comparing with: keys of several passes, one of which two records of one person share."""

from hashlib import blake2b

from pypinyin import lazy_pinyin

from hub.matching.person import Person


def keys_of(person: Person) -> tuple[str, ...]:
    """Blocking keys, each beginning with its pass."""
    found = [f"number:{one.value}" for one in (*person.numbers, *person.anothers)]
    found += [f"phone+born:{phone}|{person.birth_date[:4]}" for phone in person.phones if person.birth_date]
    for name in person.names:
        found += [f"name+born:{name}|{person.birth_date}"] if person.birth_date else [f"name:{name}"]
        found += [f"name+phone:{name}|{phone}" for phone in person.phones]
        found.append(f"sound+year:{sound(name)}|{person.birth_date[:4]}")
        if len(person.birth_date) == len("2026-01-31"):
            found.append(f"first+born:{name[:1]}|{person.birth_date}")
    return tuple(dict.fromkeys(found))


def hashed(key: str) -> int:
    """A key as it is stored: signed, of 64 bits."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def sound(name: str) -> str:
    """A name as it is spoken, without tones."""
    return "".join(lazy_pinyin(name))
