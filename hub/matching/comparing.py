"""Weighing two persons against each other, with a sentence for each weight."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2

from hub.matching.findings import SENTENCES, findings
from hub.matching.person import Person
from hub.matching.rules import Rules
from hub.record import Grade

LEAST_PERSONS = 1_000
"""A site or a set of fewer says nothing of how often names occur."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frequencies:
    """How often whole names occur among the persons of a site."""

    names: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """One reason for or against, in bits."""

    bits: float
    code: str
    zh: str
    en: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What comparing two persons came to; the strongest weight first."""

    grade: Grade
    score: float
    weights: tuple[Weight, ...]


def compare(one: Person, other: Person, rules: Rules, names: Frequencies | None = None) -> Comparison:
    """How likely two persons are one."""
    found = (*findings(one, other),)
    weights = sorted(_weights(found, one, other, rules, names), key=lambda weight: -abs(weight.bits))
    score = round(sum(weight.bits for weight in weights), 2)
    return Comparison(grade=_grade(score, found, rules), score=score, weights=tuple(weights))


def frequencies_of(persons: Sequence[Person]) -> Frequencies:
    """How often the names of a set occur in it."""
    return Frequencies(names=Counter(name for one in persons for name in one.names[:1]))


def _grade(score: float, found: Sequence[str], rules: Rules) -> Grade:
    """By the thresholds, and never above what its findings allow: who has neither a number nor a name in common may
    live in one house."""
    grades, codes = rules.grades, set(found)
    reached = Grade.NOT
    for of, least in (
        (Grade.CERTAIN, grades.certain),
        (Grade.PROBABLE, grades.probable),
        (Grade.POSSIBLE, grades.possible),
    ):
        if score >= least:
            reached = of
            break
    if reached is Grade.CERTAIN and not rules.proves(codes):
        reached = Grade.PROBABLE
    if reached in (Grade.CERTAIN, Grade.PROBABLE) and rules.asks(codes):
        reached = Grade.POSSIBLE
    return reached


def _weights(
    found: Iterable[str], one: Person, other: Person, rules: Rules, names: Frequencies | None
) -> Iterator[Weight]:
    for code in found:
        bits = _rarity(one, other, rules, names) if code == "name-same" else rules.weights[code]
        zh, en = SENTENCES[code]
        yield Weight(bits=bits, code=code, zh=zh, en=en)
    if missing := rules.missing(set(found)):
        yield Weight(bits=missing, code="missing", zh="有些内容一方未提供。", en="Something is not told on one side.")


def _rarity(one: Person, other: Person, rules: Rules, names: Frequencies | None) -> float:
    """A bit less for each doubling of those who share the name: that many might have been born on the same day. Two are
    what one person makes."""
    usual = rules.weights["name-same"]
    if names is None:
        return usual
    times = min(names.names.get(name, 1) for name in one.names if name in other.names)
    return round(max(rules.rarest_name - log2(max(2, times) / 2), usual / 2), 2)
