"""A whole set of persons linked as ingest links them one by one: compared where they share a key, and clustered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from hub.matching.blocks import MOST_SHARING, keys_of
from hub.matching.comparing import LEAST_PERSONS, Comparison, Frequencies, compare, frequencies_of
from hub.matching.numbers import are_two, citizen_ids_of
from hub.matching.person import Person
from hub.matching.rules import Rules
from hub.record import Grade


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """Two persons who may be one, by their places in the set."""

    one: int
    other: int
    comparison: Comparison


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    """`clusters` gives each person's group; `pairs` are those compared with a grade above NOT, the likeliest first."""

    clusters: tuple[int, ...]
    pairs: tuple[Candidate, ...]


def link(persons: Sequence[Person], rules: Rules, names: Frequencies | None = None) -> Linked:
    """Certain and probable pairs join, the likeliest first, unless two citizens would become one."""
    if names is None and len(persons) >= LEAST_PERSONS:
        names = frequencies_of(persons)
    pairs = sorted(_pairs(persons, rules, names), key=lambda pair: (-pair.comparison.score, pair.one, pair.other))
    clusters = list(range(len(persons)))
    members = {at: [at] for at in clusters}
    numbers = {at: citizen_ids_of(person.numbers) for at, person in enumerate(persons)}
    for pair in pairs:
        one, other = sorted((clusters[pair.one], clusters[pair.other]))
        if one == other or pair.comparison.grade is Grade.POSSIBLE or are_two(numbers[one], numbers[other]):
            continue
        for at in members[other]:
            clusters[at] = one
        members[one] += members.pop(other)
        numbers[one] |= numbers.pop(other)
    return Linked(clusters=tuple(clusters), pairs=tuple(pairs))


def _pairs(persons: Sequence[Person], rules: Rules, names: Frequencies | None) -> Iterator[Candidate]:
    sharing: dict[str, list[int]] = {}
    for at, person in enumerate(persons):
        for key in keys_of(person):
            sharing.setdefault(key, []).append(at)
    worth = {pair for of in sharing.values() if len(of) <= MOST_SHARING for pair in combinations(of, 2)}
    for one, other in worth:
        comparison = compare(persons[one], persons[other], rules, names)
        if comparison.grade is not Grade.NOT:
            yield Candidate(one=one, other=other, comparison=comparison)
