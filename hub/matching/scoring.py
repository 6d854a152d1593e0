"""How well persons are matched, on records whose truth is known: what was found, what was merged falsely, what was left
to people, and what looking for it cost.

Everything is counted in pairs of records. A pair is true where both records are of one person; it is merged where both
ended up with one resident, directly or by way of others.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from time import perf_counter
from typing import Protocol, TypeAlias

from hub.matching.person import Person
from hub.matching.samples import Samples
from hub.record import Grade

Pair = tuple[int, int]
"""Two records by their places, the lower one first."""
Keys: TypeAlias = Callable[[Person], Iterable[str]]
"""The blocking keys of a person; each begins with the name of its pass and a colon."""


class Compared(Protocol):
    """What comparing came to."""

    @property
    def grade(self) -> Grade: ...


class Candidate(Protocol):
    """Two records that were compared, and what came of it."""

    @property
    def one(self) -> int: ...
    @property
    def other(self) -> int: ...
    @property
    def comparison(self) -> Compared: ...


class Linked(Protocol):
    """A whole set, linked: the resident of each record, as a number, and the pairs that are not `NOT`."""

    @property
    def clusters(self) -> Sequence[int]: ...
    @property
    def pairs(self) -> Sequence[Candidate]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Pairs that were given one grade: how many of them are true, how many false."""

    true: int = 0
    false: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """What people are asked: pairs of residents (`pairs`, of which `true` are one person), and the records of these
    residents as a share of all (0 to 1)."""

    pairs: int
    true: int
    share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """One pass of blocking: its keys, the records of its largest block, the pairs that share a key in it, the true ones
    among them, and the true ones that no other pass finds."""

    name: str
    keys: int
    largest: int
    pairs: int
    true: int
    alone: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of error: true pairs of which a record has it, how many of them were merged, left to review, and never
    compared."""

    name: str
    pairs: int
    merged: int
    review: int
    lost: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """What came of a set. `true` are the pairs of the truth, `merged` those that ended up with one resident, `both`
    those that are in either. `lost` are true pairs that share no block; `seconds` is the time of blocking, comparing
    and linking all of it."""

    records: int
    people: int
    true: int
    merged: int
    both: int
    by_grade: Mapping[Grade, Tally]
    review: Review
    compared: int
    lost: int
    seconds: float
    passes: Sequence[Pass]
    kinds: Sequence[Kind]

    @property
    def precision(self) -> float:
        """Of the merged pairs, the share that is true (1 where none was merged)."""
        return self.both / self.merged if self.merged else 1.0

    @property
    def recall(self) -> float:
        """Of the true pairs, the share that was merged (1 where there are none)."""
        return self.both / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.both / (self.merged + self.true) if self.merged + self.true else 1.0

    @property
    def false_merges(self) -> int:
        """Merged pairs that are not true, directly or by way of others."""
        return self.merged - self.both


def score(samples: Samples, link: Callable[[Sequence[Person]], Linked], keys_of: Keys) -> Score:
    """Matches a set as intake would, and holds it against the truth."""
    begun = perf_counter()
    linked = link(samples.persons)
    seconds = perf_counter() - begun
    return scored(samples, linked, keys_of, seconds)


def scored(samples: Samples, linked: Linked, keys_of: Keys, seconds: float) -> Score:
    """What a set that was linked in so many seconds amounts to."""
    truths, clusters = samples.truths, linked.clusters
    true = set(_pairs_within(truths))
    blocks = _blocks(samples.persons, keys_of)
    shared = {name: set(_pairs_of(by_key.values())) for name, by_key in blocks.items()}
    found_by = Counter(pair for pairs in shared.values() for pair in pairs & true)
    asked = {_pair(one.one, one.other) for one in linked.pairs if clusters[one.one] != clusters[one.other]}
    return Score(
        records=len(truths),
        people=len(set(truths)),
        true=len(true),
        merged=_count_within(clusters),
        both=_count_within(list(zip(truths, clusters, strict=True))),
        by_grade=_by_grade(linked, truths),
        review=_review(asked, clusters, truths),
        compared=len(set().union(*shared.values())),
        lost=len(true) - len(found_by),
        seconds=seconds,
        passes=[_pass(name, blocks[name], pairs, pairs & true, found_by) for name, pairs in sorted(shared.items())],
        kinds=[*_kinds(samples.errors, true, clusters, asked, found_by)],
    )


def _blocks(persons: Sequence[Person], keys_of: Keys) -> Mapping[str, Mapping[str, list[int]]]:
    """The records of each key, by the pass that the key begins with."""
    blocks: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, person in enumerate(persons):
        for key in keys_of(person):
            blocks[key.partition(":")[0]][key].append(place)
    return blocks


def _pass(
    name: str, by_key: Mapping[str, Sequence[int]], pairs: set[Pair], true: set[Pair], found_by: Counter[Pair]
) -> Pass:
    return Pass(
        name=name,
        keys=len(by_key),
        largest=max(map(len, by_key.values())),
        pairs=len(pairs),
        true=len(true),
        alone=sum(found_by[pair] == 1 for pair in true),
    )


def _by_grade(linked: Linked, truths: Sequence[str]) -> Mapping[Grade, Tally]:
    counts = Counter((one.comparison.grade, truths[one.one] == truths[one.other]) for one in linked.pairs)
    grades = (Grade.CERTAIN, Grade.PROBABLE, Grade.POSSIBLE)
    return {grade: Tally(true=counts[grade, True], false=counts[grade, False]) for grade in grades}


def _review(asked: Iterable[Pair], clusters: Sequence[int], truths: Sequence[str]) -> Review:
    """Residents are reviewed, not records: one question for each pair of residents."""
    true: dict[Pair, bool] = {}
    for one, other in asked:
        question = _pair(clusters[one], clusters[other])
        true[question] = true.get(question, False) or truths[one] == truths[other]
    concerned = {cluster for question in true for cluster in question}
    share = sum(cluster in concerned for cluster in clusters) / len(clusters) if clusters else 0.0
    return Review(pairs=len(true), true=sum(true.values()), share=share)


def _kinds(
    errors: Sequence[Sequence[str]],
    true: Iterable[Pair],
    clusters: Sequence[int],
    asked: set[Pair],
    found_by: Mapping[Pair, int],
) -> Iterator[Kind]:
    """Every kind of error that the set tells of, worst found first; ``-`` are the pairs without any."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for pair in true:
        one, other = pair
        merged = clusters[one] == clusters[other]
        fate = "merged" if merged else "review" if pair in asked else "lost" if pair not in found_by else "not"
        for kind in {*errors[one], *errors[other]} or {"-"}:
            counts[kind][fate] += 1
    found = [
        Kind(name=name, pairs=fates.total(), merged=fates["merged"], review=fates["review"], lost=fates["lost"])
        for name, fates in counts.items()
    ]
    yield from sorted(found, key=lambda kind: (kind.merged / kind.pairs, kind.name))


def _pairs_within(groups: Sequence[object]) -> Iterator[Pair]:
    """The pairs of places that hold the same."""
    members: defaultdict[object, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        members[group].append(place)
    yield from _pairs_of(members.values())


def _pairs_of(blocks: Iterable[Sequence[int]]) -> Iterator[Pair]:
    for block in blocks:
        yield from combinations(block, 2)


def _count_within(groups: Sequence[object]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(groups).values())


def _pair(one: int, other: int) -> Pair:
    return (one, other) if one < other else (other, one)
