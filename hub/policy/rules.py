"""What a rule is: its subject, its figure, where and when it holds, and the clause that it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType

from hub.errors import Refused, refuse

KINDS = ("expert", "general", "examination", "bed")
"""What a rule of slots may be about: specialists' clinics, other clinics, examinations, beds."""
AUTHORITIES = ("county", "district", "city", "province")
"""Whose hospitals a rule may be about."""


class Standing(StrEnum):
    """How far the document goes."""

    STATED = "stated"
    OPEN = "open"
    HEARSAY = "hearsay"
    SITE = "site"


class Binding(StrEnum):
    """How strictly it is asked: 应, 原则上, 可."""

    MUST = "must"
    PRINCIPLE = "principle"
    MAY = "may"


class Operator(StrEnum):
    """How a figure is meant. What is `about` a figure excludes none: no document says how far is too far."""

    AT_LEAST = ">="
    AT_MOST = "<="
    EQUAL = "="
    BETWEEN = "between"
    ABOUT = "about"


class Unit(StrEnum):
    """What a figure counts."""

    SHARE = "share"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"
    PERSONS = "persons"
    TEAMS = "teams"


_GRAINS: Mapping[Unit, tuple[str, int]] = {
    Unit.SHARE: ("share", 1),
    Unit.HOURS: ("minutes", 60),
    Unit.DAYS: ("minutes", 24 * 60),
    Unit.WEEKS: ("minutes", 7 * 24 * 60),
    Unit.MONTHS: ("months", 1),
    Unit.YEARS: ("months", 12),
    Unit.PERSONS: ("persons", 1),
    Unit.TEAMS: ("teams", 1),
}
"""Each unit as so many of the smallest thing of its sort. Months and days do not turn into each other."""
_TIME = frozenset({Unit.HOURS, Unit.DAYS, Unit.WEEKS})
_TERM = frozenset({Unit.MONTHS, Unit.YEARS})
_FROM_NOTHING = frozenset({"share", "minutes"})
"""Of these, 0 means something; an agreement of no months or a team of no residents does not."""


@dataclass(frozen=True, slots=True)
class Words:
    """Something said in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """What rules of one id are about, the units that their figures take (none: a duty without a figure), and how a
    figure is meant where only a site gives one."""

    zh: str
    en: str
    units: frozenset[Unit] = frozenset()
    operator: Operator | None = None

    @property
    def is_duty(self) -> bool:
        """Whether its rules ask for something that is not counted."""
        return not self.units


RULES: Mapping[str, Topic] = MappingProxyType(
    {
        "slot-share": Topic(
            zh="医院号源（检查、床位）中留给家庭医生团队的比例。",
            en="The share of a hospital's slots (examinations, beds) that is kept for family-doctor teams.",
            units=frozenset({Unit.SHARE}),
            operator=Operator.AT_LEAST,
        ),
        "slot-lead-time": Topic(
            zh="团队号源比面向社会开放提前多久。",
            en="How much earlier the teams' slots open than the public's.",
            units=_TIME,
            operator=Operator.AT_LEAST,
        ),
        "slot-window-share": Topic(
            zh="预约开放期中只向团队开放的前段所占比例。",
            en="The first part of the booking window in which only teams may book, as a share of the window.",
            units=frozenset({Unit.SHARE}),
            operator=Operator.EQUAL,
        ),
        "slot-release": Topic(
            zh="团队未用的号源在出诊前多久转回公众。",
            en="How long before a session that which the teams left free goes to the public.",
            units=_TIME,
            operator=Operator.EQUAL,
        ),
        "agreement-first-term": Topic(
            zh="首次签约的服务期。", en="How long a first agreement runs.", units=_TERM, operator=Operator.EQUAL
        ),
        "agreement-renewal-term": Topic(
            zh="续约的服务期。", en="How long a renewed agreement runs.", units=_TERM, operator=Operator.EQUAL
        ),
        "agreement-long-term-after": Topic(
            zh="连续签约多久之后可以签订更长的服务期。",
            en="How long an agreement must have gone on unbroken before a longer term may be signed.",
            units=_TERM,
            operator=Operator.AT_LEAST,
        ),
        "agreement-teams-at-a-time": Topic(
            zh="一位居民同时可与几个团队签约。",
            en="With how many teams a resident may have an agreement at a time.",
            units=frozenset({Unit.TEAMS}),
            operator=Operator.EQUAL,
        ),
        "team-ratio": Topic(
            zh="一个团队的签约人数。",
            en="How many residents have an agreement with one team.",
            units=frozenset({Unit.PERSONS}),
            operator=Operator.AT_MOST,
        ),
        "discharge-push": Topic(
            zh="医院应在出院后多久内把出院信息和随访要求推送给签约团队。",
            en="How soon after a discharge its report and what follow-up it asks for must reach the team.",
            units=_TIME,
            operator=Operator.AT_MOST,
        ),
        "discharge-follow-up": Topic(
            zh="团队应在出院后多久内随访。",
            en="How soon after a discharge the team must have followed it up.",
            units=_TIME,
            operator=Operator.AT_MOST,
        ),
        "referral-priority": Topic(
            zh="经家庭医生转诊的患者优先就诊、检查、住院。",
            en="Patients whom a family doctor refers are seen, examined and admitted first.",
        ),
        "referral-required-outside": Topic(
            zh="在签约组合之外就诊须经家庭医生转诊。",
            en="Care outside the hospitals of the agreement needs a family doctor's referral.",
        ),
    }
)
"""Every rule that a policy may hold, by its id."""


def amount(value: Fraction, unit: Unit) -> Fraction:
    """A figure in the smallest thing of its sort: minutes, months, persons, teams, or the share itself."""
    return value * _GRAINS[unit][1]


def amount_fault(value: Fraction, unit: Unit) -> str:
    """Why a figure cannot be one of its unit; "" where it can."""
    sort, _ = _GRAINS[unit]
    counted = amount(value, unit)
    if counted < 0 or (counted == 0 and sort not in _FROM_NOTHING):
        return f"{value} {unit}: a figure of {unit} is {'0 or more' if sort in _FROM_NOTHING else 'above 0'}"
    if sort == "share":
        return f"{value}: a share is at most 1" if counted > 1 else ""
    return "" if counted.denominator == 1 else f"{value} {unit} is no whole number of {sort}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Where and when something holds. No kinds, or no authorities: all of them. `ends_on` is its last day."""

    kinds: frozenset[str] = frozenset()
    authorities: frozenset[str] = frozenset()
    starts_on: date
    ends_on: date | None = None

    def covers(self, on: date, kind: str, authority: str) -> bool:
        """Whether it holds for that. A kind or authority that is not known ("") is none of those that are named."""
        return (
            self.starts_on <= on <= (self.ends_on or date.max)
            and (not self.kinds or kind in self.kinds)
            and (not self.authorities or authority in self.authorities)
        )

    def meets(self, other: "Scope") -> bool:
        """Whether anything is covered by both."""
        return (
            self.starts_on <= (other.ends_on or date.max)
            and other.starts_on <= (self.ends_on or date.max)
            and _share(self.kinds, other.kinds)
            and _share(self.authorities, other.authorities)
        )


def _share(some: frozenset[str], others: frozenset[str]) -> bool:
    return not some or not others or bool(some & others)


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteValue:
    """A figure that the site has set, with who decided it, when and why. `upper` makes it a range."""

    rule: str
    value: Fraction
    upper: Fraction | None = None
    unit: Unit
    scope: Scope
    by: str
    on: date
    why: str

    def asks(self) -> str:
        """The figure with its unit: ``1/4 share``, ``2-3 years``."""
        return f"{self.value}{f'-{self.upper}' if self.upper is not None else ''} {self.unit}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule of a region. `printed` is the document's own wording, `zh` and `en` are ours.

    `figure` and `upper` (the end of `between`) count `unit`s; `denominator` says of what a share is one. An open rule
    has no figure, one known by hearsay has a `source`; either holds only once the site has set it (`set_by`). A duty
    has neither operator nor unit nor figure. A rule of the site's own has no clause.
    """

    id: str
    region: str
    standing: Standing
    binding: Binding
    operator: Operator | None = None
    unit: Unit | None = None
    figure: Fraction | None = None
    upper: Fraction | None = None
    denominator: Words | None = None
    scope: Scope
    clause: str = ""
    printed: str = ""
    zh: str
    en: str
    source: Words | None = None
    set_by: SiteValue | None = None

    @property
    def holds(self) -> bool:
        """Whether it may be acted on: the document states it, or the site has set it."""
        return self.standing is Standing.STATED or self.set_by is not None

    @property
    def value(self) -> Fraction:
        """The figure that holds, in `unit`s. Raises Refused (policy-open) where none does."""
        if self.figure is None or not self.holds:
            raise self.refusal()
        return self.figure

    def refusal(self) -> Refused:
        """What to raise where it does not hold (policy-open): the clause, what it prints, how the site sets it."""
        return refuse("policy-open", self.id, region=self.region, reference=self.reference(), printed=self.printed)

    def allows(self, value: Fraction | int, unit: Unit | None = None) -> bool:
        """Whether a value is one that the rule asks for. It is in the rule's unit, or in another of its sort.

        A duty and a rule without a figure exclude nothing. Raises ValueError for a unit of another sort.
        """
        if self.unit is None or self.operator is None or self.figure is None:
            return True
        if unit is not None and _GRAINS[unit][0] != _GRAINS[self.unit][0]:
            raise ValueError(f"{self.id} is in {self.unit}, not in {unit}")
        given, least = amount(Fraction(value), unit or self.unit), amount(self.figure, self.unit)
        match self.operator:
            case Operator.AT_LEAST:
                return given >= least
            case Operator.AT_MOST:
                return given <= least
            case Operator.EQUAL:
                return given == least
            case Operator.BETWEEN:
                return self.upper is not None and least <= given <= amount(self.upper, self.unit)
            case Operator.ABOUT:
                return True

    def as_days(self) -> timedelta:
        """The figure of a rule of hours, days or weeks. Raises Refused (policy-open), ValueError for other units."""
        return timedelta(minutes=self._whole("minutes"))

    def as_months(self) -> int:
        """The figure of a rule of months or years, in months. Raises Refused (policy-open), ValueError likewise."""
        return self._whole("months")

    def reference(self) -> str:
        """Where it stands: ``weihai-2023 四(三)``; for a rule of the site's own, who set it and when."""
        if not self.clause and self.set_by is not None:
            return f"{self.region} ({self.set_by.by}, {self.set_by.on.isoformat()})"
        return f"{self.region} {self.clause}"

    def asks(self) -> str:
        """What it asks for: ``>= 1/5 share``, ``2-3 years``, ``1 year``; "" where it gives no figure."""
        if self.figure is None or self.operator is None:
            return ""
        if self.operator is Operator.BETWEEN:
            return f"{self.figure}-{self.upper} {self.unit}"
        unit = str(self.unit).removesuffix("s") if self.figure == 1 else self.unit
        sign = "" if self.operator is Operator.EQUAL else f"{self.operator} "
        return f"{sign}{self.figure} {unit}"

    def _whole(self, sort: str) -> int:
        value = self.value
        if self.unit is None or _GRAINS[self.unit][0] != sort:
            raise ValueError(f"{self.id} is in {self.unit}, not in {sort}")
        return int(amount(value, self.unit))
