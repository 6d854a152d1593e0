"""Weighing two persons against each other, with a sentence for each weight."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log2

from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import ratio

from hub.matching.blocks import sound
from hub.matching.numbers import CITIZEN_KINDS
from hub.matching.person import Person
from hub.matching.rules import Rules
from hub.record import Grade


@dataclass(frozen=True, kw_only=True, slots=True)
class Frequencies:
    """How often whole names occur among so many persons of a site."""

    names: Mapping[str, int]
    persons: int


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


_SAID = {
    "number-same": ("证件号码相同。", "A number is the same."),
    "number-other": ("同类证件号码不同。", "Their numbers of one kind differ."),
    "name-same": ("姓名相同。", "Same name."),
    "name-sound": ("姓名读音相同。", "The names sound the same."),
    "name-close": ("姓名相差一个字。", "The names differ in one character."),
    "name-other": ("姓名不同。", "The names differ."),
    "born-same": ("出生日期相同。", "Same birth date."),
    "born-close": ("出生日期相近。", "The birth dates are close."),
    "born-other": ("出生日期不同。", "The birth dates differ."),
    "sex-other": ("性别不同。", "The sexes differ."),
    "phone-same": ("电话相同。", "Same telephone."),
    "phone-other": ("电话不同。", "The telephones differ."),
    "address-same": ("住址相同。", "Same address."),
    "address-close": ("住址相近。", "The addresses are close."),
    "mother-same": ("母亲姓名相同。", "Same mother's name."),
    "mother-other": ("母亲姓名不同。", "The mothers' names differ."),
}


def compare(one: Person, other: Person, rules: Rules, names: Frequencies | None = None) -> Comparison:
    """How likely two persons are one."""
    weights = sorted(_weights(one, other, rules, names), key=lambda weight: -abs(weight.bits))
    score = round(sum(weight.bits for weight in weights), 2)
    grades = rules.grades
    grade = Grade.NOT
    for of, least in (
        (Grade.CERTAIN, grades.certain),
        (Grade.PROBABLE, grades.probable),
        (Grade.POSSIBLE, grades.possible),
    ):
        if score >= least:
            grade = of
            break
    return Comparison(grade=grade, score=score, weights=tuple(weights))


def _weights(one: Person, other: Person, rules: Rules, names: Frequencies | None) -> Iterator[Weight]:
    for code in (_number(one, other), _born(one, other), _sex(one, other), _phone(one, other), _mother(one, other)):
        if code:
            yield _weight(code, rules)
    if code := _name(one, other):
        yield _weight(code, rules, _rarity(one, other, rules, names) if code == "name-same" else None)
    if code := _address(one, other):
        yield _weight(code, rules)


def _weight(code: str, rules: Rules, bits: float | None = None) -> Weight:
    zh, en = _SAID[code]
    value = getattr(rules.weights, code.replace("-", "_")) if bits is None else bits
    return Weight(bits=value, code=code, zh=zh, en=en)


def _rarity(one: Person, other: Person, rules: Rules, names: Frequencies | None) -> float:
    if names is None:
        return rules.weights.name_same
    shared = next(name for name in one.names if name in other.names)
    bits = log2(names.persons / max(1, names.names.get(shared, 1)))
    return round(min(max(bits, rules.weights.name_same / 2), rules.weights.name_rarest), 2)


def _number(one: Person, other: Person) -> str:
    mine, theirs = {(of.kind, of.value) for of in one.numbers}, {(of.kind, of.value) for of in other.numbers}
    if mine & theirs:
        return "number-same"
    kinds = {kind for kind, _ in mine} & {kind for kind, _ in theirs}
    return "number-other" if kinds & set(CITIZEN_KINDS) else ""


def _name(one: Person, other: Person) -> str:
    if not one.names or not other.names:
        return ""
    if set(one.names) & set(other.names):
        return "name-same"
    if {sound(name) for name in one.names} & {sound(name) for name in other.names}:
        return "name-sound"
    close = any(OSA.distance(a, b) == 1 and min(len(a), len(b)) > 2 for a in one.names for b in other.names)
    return "name-close" if close else "name-other"


def _born(one: Person, other: Person) -> str:
    mine, theirs = one.birth_date, other.birth_date
    if not mine or not theirs:
        return ""
    if mine == theirs:
        return "born-same"
    if mine.startswith(theirs) or theirs.startswith(mine) or OSA.distance(mine, theirs) == 1:
        return "born-close"
    swapped = mine[:4] + mine[7:] + mine[4:7]
    return "born-close" if swapped == theirs else "born-other"


def _sex(one: Person, other: Person) -> str:
    return "sex-other" if one.sex and other.sex and one.sex != other.sex else ""


def _phone(one: Person, other: Person) -> str:
    if not one.phones or not other.phones:
        return ""
    return "phone-same" if set(one.phones) & set(other.phones) else "phone-other"


def _address(one: Person, other: Person) -> str:
    if not one.addresses or not other.addresses:
        return ""
    if set(one.addresses) & set(other.addresses):
        return "address-same"
    return "address-close" if any(ratio(a, b) > 85 for a in one.addresses for b in other.addresses) else ""


def _mother(one: Person, other: Person) -> str:
    if not one.mother or not other.mother:
        return ""
    return "mother-same" if one.mother == other.mother else "mother-other"
