"""What is due after a discharge: the hospital's request where it is structured, else the ladder of the site.

The ladder is data (``mappings/policies/follow-up.toml``): rules by diagnosis, each with windows of days after the
discharge. No national number of days holds for all discharges; each rule says where its figures come from.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from hub.followups.measurements import Measure
from hub.followups.requests import Request
from hub.followups.states import Limits
from hub.policy import Words

BY_REQUEST = "hospital-request"
BY_LADDER = "ladder"
ROUTINE, RAISED = "routine", "raised"
_HALF = 0.5


class Effect(StrEnum):
    """What a disposition (离院方式) does to follow-up."""

    PLAN = "plan"
    NONE = "none"
    DEATH = "death"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One contact of a rule: from the first to the last day after the discharge."""

    first: int
    last: int
    way: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LadderRule:
    """Contacts for some diagnoses: `diagnoses` are ICD-10 codes or ranges of categories (``I60-I64``); none: all."""

    id: str
    diagnoses: tuple[str, ...]
    steps: tuple[Step, ...]
    reason: Words
    source: str
    region: str = ""

    def is_for(self, codes: Iterable[str]) -> bool:
        """Whether any of these ICD-10 codes is meant."""
        return not self.diagnoses or any(_is_in(code, span) for code in codes for span in self.diagnoses)


@dataclass(frozen=True, kw_only=True, slots=True)
class Disposition:
    """What one 离院方式 does: `first_by` days the first contact is brought forward to; 0: it is not."""

    code: str
    effect: Effect
    reason: Words
    priority: str = ROUTINE
    first_by: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ladder:
    """All that the site has settled about follow-up after discharge. Days count from the day of discharge."""

    stale_after_days: int
    catch_up_days: int
    request_tolerance_days: int
    request_horizon_days: int
    limits: Limits
    dispositions: Mapping[str, Disposition]
    rules: tuple[LadderRule, ...]
    measures: Mapping[str, Measure]

    def disposition(self, code: str) -> Disposition:
        """What a 离院方式 does; one that nobody knows is 其他 (9)."""
        return self.dispositions.get(code) or self.dispositions["9"]

    def is_stale(self, discharged_on: date, today: date) -> bool:
        """Whether a discharge is too long ago to begin anything after it."""
        return (today - discharged_on).days > self.stale_after_days


@dataclass(frozen=True, kw_only=True, slots=True)
class Discharge:
    """One discharge, as far as follow-up is concerned. `known_on` is the day on which the plan begins to count."""

    on: date
    known_on: date
    disposition: str
    diagnoses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """One contact: from day to day, in China; why, and by which rule."""

    begin: date
    end: date
    reason: Words
    rule: str
    way: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Owed:
    """What is owed after a discharge: nothing where there are no windows."""

    windows: tuple[Window, ...]
    basis: str
    priority: str
    reason: Words


def plan_for(discharge: Discharge, ladder: Ladder, request: Request | None = None) -> Owed:
    """The contacts that are due after a discharge, each with its reason.

    A structured request of the hospital goes before the ladder. What was over before the discharge became known is
    owed at once, but once.
    """
    disposition = ladder.disposition(discharge.disposition)
    if request is not None and (asked := request.windows(discharge.on, ladder)):
        windows = [
            Window(begin=begin, end=end, way=request.way, rule=BY_REQUEST, reason=_ASKED) for begin, end in asked
        ]
        basis, reason = BY_REQUEST, _ASKED
    else:
        windows = _by_ladder(discharge, ladder, request.way if request else "")
        basis, reason = BY_LADDER, disposition.reason
    if disposition.effect is not Effect.PLAN:
        windows = []
    forward = _brought_forward(windows, discharge, disposition)
    return Owed(
        windows=tuple(_caught_up(forward, discharge.known_on, ladder.catch_up_days)),
        basis=basis,
        priority=disposition.priority,
        reason=reason,
    )


_ASKED = Words(zh="医院随出院信息提出了随访要求。", en="The hospital asked for it with the discharge.")
_LATE = Words(
    zh="得知出院时期限已过，应尽快补访。", en="Its time was over before the discharge was known: it is owed at once."
)


def _by_ladder(discharge: Discharge, ladder: Ladder, way: str) -> list[Window]:
    day = timedelta(days=1)
    found = [
        Window(
            begin=discharge.on + step.first * day,
            end=discharge.on + step.last * day,
            way=way or step.way,
            reason=rule.reason,
            rule=f"follow-up:{rule.id}",
        )
        for rule in ladder.rules
        if rule.is_for(discharge.diagnoses)
        for step in rule.steps
    ]
    return _merged(sorted(found, key=lambda one: (one.end, one.begin, one.rule)))


def _merged(windows: Sequence[Window]) -> list[Window]:
    """Windows of several rules that mostly mean the same days are one contact, in the days that they share."""
    kept: list[Window] = []
    for one in windows:
        twin = next((at for at, other in enumerate(kept) if _is_one_contact(one, other)), None)
        if twin is None:
            kept.append(one)
        else:
            kept[twin] = _shared(kept[twin], one)
    return kept


def _is_one_contact(one: Window, other: Window) -> bool:
    shared = (min(one.end, other.end) - max(one.begin, other.begin)).days + 1
    shorter = min((each.end - each.begin).days + 1 for each in (one, other))
    return shared > shorter * _HALF


def _shared(one: Window, other: Window) -> Window:
    if one.rule == other.rule:
        return one
    reason = Words(zh=f"{one.reason.zh}{other.reason.zh}", en=f"{one.reason.en} {other.reason.en}")
    return replace(
        one,
        begin=max(one.begin, other.begin),
        end=min(one.end, other.end),
        way=one.way or other.way,
        reason=reason,
        rule=f"{one.rule} + {other.rule}",
    )


def _brought_forward(windows: list[Window], discharge: Discharge, disposition: Disposition) -> list[Window]:
    """The first contact by an earlier day, where the disposition asks for it. What a hospital named stays."""
    if not windows or not disposition.first_by or windows[0].rule == BY_REQUEST:
        return windows
    first, latest = windows[0], discharge.on + timedelta(days=disposition.first_by)
    if first.end <= latest:
        return windows
    reason = Words(
        zh=f"{first.reason.zh}{disposition.reason.zh}",
        en=f"{first.reason.en} {disposition.reason.en}",
    )
    return [replace(first, begin=min(first.begin, latest), end=latest, reason=reason), *windows[1:]]


def _caught_up(windows: Sequence[Window], known_on: date, catch_up_days: int) -> list[Window]:
    """Of the windows that were over when the discharge became known the last one, moved to the days after that."""
    missed = [one for one in windows if one.end < known_on]
    left = [one for one in windows if one.end >= known_on]
    end = known_on + timedelta(days=catch_up_days)
    if not missed or (left and left[0].begin <= end):
        return left
    reason = Words(zh=f"{missed[-1].reason.zh}{_LATE.zh}", en=f"{missed[-1].reason.en} {_LATE.en}")
    return [replace(missed[-1], begin=known_on, end=end, reason=reason), *left]


def _is_in(code: str, span: str) -> bool:
    """Whether an ICD-10 code lies in a range of categories (``I60-I64``) or below a code (``Z96.6``)."""
    plain = code.upper().strip()
    first, _, last = span.partition("-")
    if last:
        return first <= plain[:3] <= last
    return plain.startswith(first)


def check_range(span: str) -> bool:
    """Whether a text is an ICD-10 code or a range of categories."""
    match span.split("-"):
        case [first, last]:
            return _is_category(first) and _is_category(last) and first <= last
        case [code]:
            return _is_category(code[:3]) and code[3:4] in ("", ".")
    return False


def _is_category(text: str) -> bool:
    return len(text) == len("I10") and text[0].isalpha() and text[0].isupper() and text[1:].isdigit()
