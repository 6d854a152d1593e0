"""What comparing two persons finds: one code a value, each with a sentence. How much a code weighs stands in
``mappings/identity.toml``, under its name."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from lunardate import LunarDate
from rapidfuzz.distance import OSA, JaroWinkler

from hub.matching.addresses import Place, compare_places
from hub.matching.implied import born_of, mothers_of
from hub.matching.names import StandIn, stand_in
from hub.matching.numbers import CITIZEN_KINDS
from hub.matching.person import Person, is_whole
from hub.matching.spelling import sounds
from hub.record import Identifier

SENTENCES: Mapping[str, tuple[str, str]] = {
    "number-same": ("证件号码相同。", "A number is the same."),
    "number-other": ("同类证件号码不同。", "Their numbers of one kind differ."),
    "number-misplaced": (
        "证件号码相同，但与其中一方的出生日期不符。",
        "A number is the same, and its birth date is not that of one of them.",
    ),
    "number-of-mother": ("一方的号码是另一方母亲的号码。", "The number of one is that of the other's mother."),
    "health-record-same": ("健康档案号或保险号相同。", "The health-record or insurance number is the same."),
    "name-same": ("姓名相同。", "Same name."),
    "name-sound": ("姓名读音相同。", "The names sound the same."),
    "name-part": ("一方的姓名不完整，其余部分相同。", "One name is incomplete, and the rest of it is the same."),
    "name-close": ("姓名相差一个字。", "The names differ in one character."),
    "name-surname": ("仅姓氏相同。", "Only the surname is the same."),
    "name-other": ("姓名不同。", "The names differ."),
    "newborn-same": ("新生儿称呼相同。", "The same stand-in for a newborn's name."),
    "newborn-other": ("同一母亲的新生儿，次序或性别不同。", "Newborns of one mother, told apart by order or sex."),
    "newborn-named": ("一方是新生儿的临时称呼。", "One is a newborn's stand-in for a name."),
    "newborn-either": (
        "一方是新生儿的临时称呼，不能排除双胞胎。",
        "One is a newborn's stand-in for a name, and may be a twin.",
    ),
    "newborn-unlike": (
        "一方是新生儿的临时称呼，姓氏不同。",
        "One is a newborn's stand-in for a name, of another surname.",
    ),
    "born-same": ("出生日期相同。", "Same birth date."),
    "born-part": ("出生日期只记到年或月，与另一方相符。", "The birth date is known in part, and fits the other."),
    "born-lunar": ("一方的出生日期是另一方的农历日期。", "The birth date of one is the other's by the lunar calendar."),
    "born-swapped": ("出生日期的月和日互换。", "Day and month of the birth date changed places."),
    "born-close": ("出生日期相差一个数字。", "The birth dates differ in one digit."),
    "born-year": ("仅出生年份相同。", "Only the year of birth is the same."),
    "born-other": ("出生日期不同。", "The birth dates differ."),
    "born-untold": ("一方未提供出生日期。", "One side tells no birth date."),
    "sex-same": ("性别相同。", "Same sex."),
    "sex-other": ("性别不同。", "The sexes differ."),
    "phone-same": ("电话相同。", "Same telephone."),
    "phone-close": ("电话相差一个数字。", "The telephones differ in one digit."),
    "phone-other": ("电话不同。", "The telephones differ."),
    "address-same": ("住址相同。", "Same address."),
    "address-near": ("住址相近。", "The addresses are close."),
    "address-other": ("住址不同。", "The addresses differ."),
    "mother-same": ("母亲相同。", "Same mother."),
    "mother-other": ("母亲姓名不同。", "The mothers' names differ."),
}
_LOST = frozenset("?□*〓■�")
_LETTERS_ALIKE = 0.88


def findings(one: Person, other: Person) -> Iterator[str]:
    """One code for each value that both tell."""
    name = compare_names(one, other)
    for code in (
        _number(one, other, name),
        _comparable(one, other),
        name,
        _births(one, other),
        _sex(one, other),
        _phone(one.phones, other.phones),
        _address(one.addresses, other.addresses),
        _mother(one, other),
    ):
        if code:
            yield code


# -- numbers ---------------------------------------------------------------------------------------------------------


def _number(one: Person, other: Person, name: str) -> str:
    mine, theirs = _proving(one), _proving(other)
    if mine & theirs:
        return "number-same"
    kinds = {kind for kind, _ in mine} & {kind for kind, _ in theirs}
    if kinds & set(CITIZEN_KINDS):
        return "number-other"
    crossed = (_of(one.anothers) & _of(other.numbers)) | (_of(one.numbers) & _of(other.anothers))
    if crossed and name in ("name-same", "name-sound"):
        return "number-misplaced"
    told = set(one.mothers_numbers) & _of(other.numbers) | set(other.mothers_numbers) & _of(one.numbers)
    return "number-of-mother" if crossed or told else ""


def _comparable(one: Person, other: Person) -> str:
    shared = set(_kinds_and_values(one)) & set(_kinds_and_values(other))
    return "health-record-same" if any(kind in _ARCHIVES for kind, _ in shared) else ""


def _proving(person: Person) -> set[tuple[str, str]]:
    return {(kind, value) for kind, value in _kinds_and_values(person) if kind not in _ARCHIVES}


def _kinds_and_values(person: Person) -> Iterator[tuple[str, str]]:
    return ((one.kind, one.value) for one in person.numbers)


_ARCHIVES = frozenset({"health-record-number", "health-card", "insurance-number"})


def _of(numbers: Iterable[Identifier]) -> set[str]:
    return {one.value for one in numbers}


# -- names -----------------------------------------------------------------------------------------------------------


def compare_names(one: Person, other: Person) -> str:
    """The closest that any two of their names come; ``""`` where one has none."""
    found = {_two_names(mine, theirs) for mine, theirs in product(one.names, other.names)}
    return next((code for code in _BY_CLOSENESS if code in found), "")


_BY_CLOSENESS = (
    *("name-same", "newborn-same", "name-sound", "name-part", "name-close"),
    *("newborn-named", "newborn-either", "newborn-other", "newborn-unlike", "name-surname", "name-other"),
)


def _two_names(mine: str, theirs: str) -> str:
    newborn, second = stand_in(mine), stand_in(theirs)
    if newborn and second:
        return _two_newborns(newborn, second)
    if newborn or second:
        stands, name = (newborn, theirs) if newborn else (second, mine)
        assert stands is not None
        return _newborn_and_name(stands, name)
    if mine == theirs:
        return "name-same"
    if sounds(mine) & sounds(theirs):
        return "name-sound"
    if mine.isascii() or theirs.isascii():
        return _two_in_letters(mine, theirs)
    return _two_in_characters(mine, theirs)


def _newborn_and_name(stands: StandIn, name: str) -> str:
    """Who is told apart by order, or not by the mother's whole name, may be either of twins."""
    if not name.startswith(stands.surname) and not stands.mother:
        return "newborn-unlike"
    return "newborn-named" if stands.mother and not stands.order else "newborn-either"


def _two_newborns(mine: StandIn, theirs: StandIn) -> str:
    if mine.mother and theirs.mother and mine.mother != theirs.mother:
        return "newborn-unlike"
    if mine.order != theirs.order or (mine.sex and theirs.sex and mine.sex != theirs.sex):
        return "newborn-other"
    if mine.mother and theirs.mother:
        return "newborn-same"
    return "newborn-either" if mine.surname == theirs.surname else "newborn-unlike"


def _two_in_letters(mine: str, theirs: str) -> str:
    """Of a Chinese name, letters are its sound."""
    if not (mine.isascii() and theirs.isascii()):
        return "name-other"
    turned = " ".join(reversed(mine.split()))
    alike = max(JaroWinkler.similarity(mine, theirs), JaroWinkler.similarity(turned, theirs))
    if alike >= _LETTERS_ALIKE:
        return "name-close"
    return "name-surname" if set(mine.split()) & set(theirs.split()) else "name-other"


def _two_in_characters(mine: str, theirs: str) -> str:
    few, many = sorted((mine, theirs), key=len)
    if len(few) >= 4 and many.startswith(few):
        return "name-part"
    if len(few) == len(many) and any(one in _LOST for one in mine + theirs):
        fits = all(a == b or a in _LOST or b in _LOST for a, b in zip(mine, theirs, strict=True))
        return "name-part" if fits else "name-other"
    if len(few) >= 2 and OSA.distance(mine, theirs) == 1:
        return "name-close"
    return "name-surname" if mine[:1] == theirs[:1] else "name-other"


# -- birth dates, sex ------------------------------------------------------------------------------------------------


def _births(one: Person, other: Person) -> str:
    """A number tells the birth date of whose it is: where both are sent with one number, only what was told counts."""
    if _proving(one) & _proving(other):
        return compare_births(one.birth_date, other.birth_date) or "born-untold"
    return compare_births(born_of(one), born_of(other)) or "born-untold"


def compare_births(mine: str, theirs: str) -> str:
    """How two birth dates relate; ``""`` where one is not told."""
    if not mine or not theirs:
        return ""
    if mine == theirs:
        return "born-same" if is_whole(mine) else "born-part"
    if mine.startswith(theirs) or theirs.startswith(mine) or _only_the_year(mine, theirs):
        return "born-part"
    if is_whole(mine) and is_whole(theirs):
        return _two_days(mine, theirs)
    return "born-year" if mine[:4] == theirs[:4] else "born-other"


def _only_the_year(mine: str, theirs: str) -> bool:
    """A form that wants a day gets the first of January."""
    return mine[:4] == theirs[:4] and (mine.endswith("-01-01") or theirs.endswith("-01-01"))


def _two_days(mine: str, theirs: str) -> str:
    if theirs == _lunar(mine) or mine == _lunar(theirs):
        return "born-lunar"
    if theirs == f"{mine[:4]}-{mine[8:]}-{mine[5:7]}":
        return "born-swapped"
    if OSA.distance(mine, theirs) == 1 or (mine[4:] == theirs[4:] and abs(int(mine[:4]) - int(theirs[:4])) == 1):
        return "born-close"
    return "born-year" if mine[:4] == theirs[:4] else "born-other"


def _lunar(day: str) -> str:
    """A day of the solar calendar by the lunar one, written in the same way; a leap month counts as its own."""
    try:
        found = LunarDate.from_solar_date(*map(int, day.split("-")))
    except ValueError:
        return ""
    return f"{found.year:04d}-{found.month:02d}-{found.day:02d}"


def _sex(one: Person, other: Person) -> str:
    if not one.sex or not other.sex:
        return ""
    return "sex-same" if one.sex == other.sex else "sex-other"


# -- telephone, address, mother --------------------------------------------------------------------------------------


def _phone(mine: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    if not mine or not theirs:
        return ""
    pairs = [*product(mine, theirs)]
    if any(a == b or _same_line(a, b) for a, b in pairs):
        return "phone-same"
    return "phone-close" if any(OSA.distance(a, b) == 1 and len(a) == len(b) == 11 for a, b in pairs) else "phone-other"


def _same_line(one: str, other: str) -> bool:
    """A telephone of a house, with and without its area code."""
    few, many = sorted((one, other), key=len)
    return len(few) in (7, 8) and many.startswith("0") and many.endswith(few)


def _address(mine: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    found = {compare_places(a, b) for a, b in product(mine, theirs)}
    return next((f"address-{place}" for place in Place if place in found), "")


def _mother(one: Person, other: Person) -> str:
    mine, theirs = set(mothers_of(one)), set(mothers_of(other))
    if mine & theirs:
        return "mother-same"
    return "mother-other" if one.mother and other.mother and not sounds(one.mother) & sounds(other.mother) else ""
