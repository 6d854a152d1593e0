"""Agreements (签约): their states, who may do what with them, and how long they run by the region's rules. Pure.

A primary agreement says which team serves a resident; a supplementary one stands beside it, for one disease and one
course of treatment (weihai-2023 五(一): 以疗程为服务期).
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

from hub.days import begin_of, day_of
from hub.errors import Refusal, Refused, refuse
from hub.policy import Binding, Operator, Programme, Rule, Unit
from hub.transitions import Actor, Machine, move

FIRST, RENEWAL = "agreement-first-term", "agreement-renewal-term"
LONG_TERM_AFTER, AT_A_TIME, RATIO = "agreement-long-term-after", "agreement-teams-at-a-time", "team-ratio"
_DAY = timedelta(days=1)


class State(StrEnum):
    """The life of an agreement."""

    SIGNED = "signed"
    """Its first day has not come."""
    IN_FORCE = "in-force"
    LAPSED = "lapsed"
    """Its term is over and it was not renewed."""
    ENDED = "ended"
    """Somebody ended it, or the resident went to another team."""


class Kind(StrEnum):
    """What an agreement is for."""

    PRIMARY = "primary"
    SUPPLEMENTARY = "supplementary"


class Provider(StrEnum):
    """Who may sign as the one who serves."""

    TEAM = "team"
    PRACTITIONER = "practitioner"
    ALLIANCE = "alliance"


class Client(StrEnum):
    """Whom an agreement is made with."""

    RESIDENT = "resident"
    HOUSEHOLD = "household"
    ORGANISATION = "organisation"


STANDING = frozenset({State.SIGNED, State.IN_FORCE})
"""States in which an agreement holds its residents, now or from its first day on."""
RESIDENTS_MERGED = "residents-merged"
TRANSFERRED = "transferred"


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One term. `rule` is what its length follows (``agreement-first-term weihai-2023 五(一)``; "" where nothing says);
    `deviation` why it departs from a rule of principle."""

    begins_on: date
    ends_on: date
    signed_at: datetime
    signed_by: str
    rule: str = ""
    deviation: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """A signed agreement. `begins_on` and `ends_on` are those of the present term, number `term`."""

    id: UUID
    number: str
    kind: Kind
    provider_kind: Provider
    provider_id: str
    team_id: str | None
    organisation_id: str
    client_kind: Client
    client_id: str
    packages: tuple[str, ...] = ()
    combination: tuple[str, ...] = ()
    state: State
    term: int
    begins_on: date
    ends_on: date
    ended_on: date | None = None
    end_reason: str = ""
    previous_id: UUID | None = None
    told_at: datetime | None = None
    version: int = 1

    def state_on(self, today: date) -> State:
        """The state as the day has it: an agreement lapses with its last day, whenever the clock gets round to it."""
        if self.state is State.IN_FORCE and self.ends_on < today:
            return State.LAPSED
        return self.state


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """An agreement as it is looked at on a day, with all of its terms."""

    agreement: Agreement
    terms: tuple[Term, ...]
    today: date

    @property
    def state(self) -> State:
        """The state that is written down."""
        return self.agreement.state


# -- its states ------------------------------------------------------------------------------------------------------


def _has_come(seen: Seen) -> Refusal | None:
    """Its first day has come."""
    first = run_on(seen.terms, seen.today)[0].begins_on
    return None if first <= seen.today else Refusal(code="agreement-not-begun", given=_days(begins=first))


def _has_begun(seen: Seen) -> Refusal | None:
    """Its present term has begun, and is no renewal of today: one who presses twice wants one term."""
    begins, ends = seen.agreement.begins_on, seen.agreement.ends_on
    if begins > seen.today:
        return Refusal(code="agreement-not-begun", given=_days(begins=begins))
    newest = seen.terms[-1]
    if len(seen.terms) > 1 and seen.today == newest.begins_on == day_of(newest.signed_at):
        return Refusal(code="renewed-today", given=_days(ends=ends))
    return None


def _is_over(seen: Seen) -> Refusal | None:
    """Its last day is over."""
    ends = seen.agreement.ends_on
    return None if ends < seen.today else Refusal(code="agreement-runs", given=_days(ends=ends))


def _runs(seen: Seen) -> Refusal | None:
    """Its last day is not over."""
    ends = seen.agreement.ends_on
    return None if ends >= seen.today else Refusal(code="agreement-over", given=_days(ends=ends))


def _goes_on(seen: Seen) -> Refusal | None:
    """A later term was signed."""
    return _runs(seen)


def _days(**days: date) -> dict[str, str]:
    return {name: day.isoformat() for name, day in days.items()}


def _state_of(seen: Seen) -> str:
    return seen.agreement.state


MACHINE: Machine[Seen] = Machine(
    name="agreement",
    states=(State.SIGNED, State.IN_FORCE, State.LAPSED, State.ENDED),
    moves=(
        move("begin", [State.SIGNED], State.IN_FORCE, Actor.TIME, guard=_has_come),
        move("renew", [State.IN_FORCE], "", Actor.TEAM, guard=_has_begun),
        move("renew", [State.IN_FORCE, State.SIGNED], "", Actor.MESSAGE),
        move("renew", [State.LAPSED], State.SIGNED, Actor.TEAM),
        move("renew", [State.LAPSED], State.SIGNED, Actor.MESSAGE, Actor.TIME, guard=_goes_on),
        move("transfer", [State.IN_FORCE], State.ENDED, Actor.TEAM, Actor.RECEIVER, guard=_runs),
        move("end", [State.SIGNED, State.IN_FORCE], State.ENDED, Actor.TEAM, guard=_runs),
        move("end", [State.SIGNED, State.IN_FORCE, State.LAPSED], State.ENDED, Actor.MESSAGE),
        move("lapse", [State.IN_FORCE], State.LAPSED, Actor.TIME, guard=_is_over),
    ),
    state_of=_state_of,
)
"""A team renews what stands or has lapsed, one term ahead and no more. What a signing system says is a fact of the past
and comes in any order, so a message may add a term at any time, and end what has lapsed."""


# -- its terms -------------------------------------------------------------------------------------------------------


def last_day(begins_on: date, months: int) -> date:
    """The last day of a term of so many months: the day before the corresponding one, or the last of the month where
    it has none (民法典 202)."""
    year, month = divmod(begins_on.year * 12 + begins_on.month - 1 + months, 12)
    days = monthrange(year, month + 1)[1]
    if begins_on.day > days:
        return date(year, month + 1, days)
    return date(year, month + 1, begins_on.day) - _DAY


def length_in_months(begins_on: date, ends_on: date) -> Fraction:
    """How long a term is, both days included; what is over whole months as a share of the next one."""
    months = max((ends_on.year - begins_on.year) * 12 + ends_on.month - begins_on.month - 1, 0)
    while last_day(begins_on, months + 1) <= ends_on:
        months += 1
    reached, next_one = last_day(begins_on, months), last_day(begins_on, months + 1)
    return months + Fraction((ends_on - reached).days, (next_one - reached).days)


def in_order(terms: Iterable[Term]) -> tuple[Term, ...]:
    """The terms by their first days. Of those that begin on one day the longest counts: an end was put off, and one
    that is brought forward is told as the agreement's end."""
    longest: dict[date, Term] = {}
    for term in terms:
        known = longest.get(term.begins_on)
        if known is None or known.ends_on < term.ends_on:
            longest[term.begins_on] = term
    return tuple(longest[day] for day in sorted(longest))


def run_on(terms: Iterable[Term], today: date) -> tuple[Term, ...]:
    """The terms that follow each other without a day between them, of the first such run that is not over; the last
    run where all are."""
    runs: list[list[Term]] = []
    for term in in_order(terms):
        if runs and term.begins_on <= max(one.ends_on for one in runs[-1]) + _DAY:
            runs[-1].append(term)
        else:
            runs.append([term])
    return tuple(next((run for run in runs if max(one.ends_on for one in run) >= today), runs[-1]))


def as_of(agreement: Agreement, terms: Sequence[Term], today: date) -> Agreement:
    """An agreement with the last of its present run of terms as the present one."""
    run = run_on(terms, today)
    number = in_order(terms).index(run[-1]) + 1
    ends_on = max(term.ends_on for term in run)
    return replace(agreement, term=number, begins_on=run[-1].begins_on, ends_on=ends_on)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a signer wants: a term from a day on, to a day if they say so. `since` is the day since which the agreement
    has gone on unbroken; None for a first term. `deviation` is why it departs from a rule of principle."""

    signs_on: date
    begins_on: date
    ends_on: date | None = None
    since: date | None = None
    deviation: str = ""


def term_of(programme: Programme, wish: Wish) -> tuple[date, str]:
    """The last day of the term that somebody wants, and the rule that it follows.

    Raises Refused: term-order, term-needs-an-end, term-not-allowed, term-needs-a-reason, term-too-early.
    """
    if wish.ends_on is not None and wish.ends_on < wish.begins_on:
        raise refuse("term-order", "endsOn")
    rules = _Rules.of(programme, wish)
    ends_on = wish.ends_on or rules.told_end(wish)
    return ends_on, rules.check(wish, length_in_months(wish.begins_on, ends_on))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rules:
    """The rules for one wish. `ruling` is the one that is asked; `ordinary` allows too, as a renewal of what only may
    be longer can be of the first term's length; `later` would allow from `later_on` on."""

    ruling: Rule | None = None
    ordinary: Rule | None = None
    later: Rule | None = None
    wait: Rule | None = None
    later_on: date | None = None

    @classmethod
    def of(cls, programme: Programme, wish: Wish) -> "_Rules":
        first = _holding(programme, FIRST, wish.signs_on)
        renewal = _holding(programme, RENEWAL, wish.signs_on) if wish.since else None
        if renewal is None:
            return cls(ruling=first)
        wait = _holding(programme, LONG_TERM_AFTER, wish.signs_on)
        assert wish.since is not None
        if wait is not None and not wait.allows(length_in_months(wish.since, wish.begins_on - _DAY), Unit.MONTHS):
            later_on = last_day(wish.since, wait.as_months()) + _DAY
            return cls(ruling=first, later=renewal, wait=wait, later_on=later_on)
        return cls(ruling=renewal, ordinary=first if renewal.binding is Binding.MAY else None)

    def told_end(self, wish: Wish) -> date:
        """The end that a rule gives by itself. Raises Refused (term-needs-an-end) where none does."""
        for rule in (self.ruling, self.ordinary):
            if rule is not None and rule.operator is Operator.EQUAL:
                return last_day(wish.begins_on, rule.as_months())
        raise refuse("term-needs-an-end", "endsOn", **self._given())

    def check(self, wish: Wish, months: Fraction) -> str:
        """The rule that a length follows; "" where no document says anything. Raises Refused."""
        if self.ruling is None:
            return ""
        for rule in (self.ruling, self.ordinary):
            if rule is not None and rule.allows(months, Unit.MONTHS):
                return _named(rule)
        if self.later is not None and self.wait is not None and self.later.allows(months, Unit.MONTHS):
            assert self.later_on is not None
            given = {"clause": self.wait.reference(), "after": self.wait.asks(), "allowed": self._allowed()}
            given |= {"day": self.later_on.isoformat(), "changes_at": begin_of(self.later_on).isoformat()}
            raise refuse("term-too-early", "endsOn", rule=LONG_TERM_AFTER, **given)
        if self.ruling.binding is Binding.PRINCIPLE:
            if wish.deviation:
                return _named(self.ruling)
            raise refuse("term-needs-a-reason", "deviation", **self._given())
        raise refuse("term-not-allowed", "endsOn", **self._given())

    def _given(self) -> dict[str, str]:
        rule = self.ruling
        if rule is None:
            return {"rule": FIRST, "clause": "-", "allowed": "-"}
        return {"rule": rule.id, "clause": rule.reference(), "allowed": self._allowed()}

    def _allowed(self) -> str:
        """What may be signed, the ordinary term first: ``= 1 years, 2-3 years``."""
        found = dict.fromkeys(rule.asks() for rule in (self.ordinary, self.ruling) if rule is not None)
        return ", ".join(found)


def _holding(programme: Programme, id: str, on: date) -> Rule | None:
    """A rule that holds on a day. One that is open or absent forbids nothing."""
    rule = programme.find(id, on)
    return rule if rule is not None and rule.holds else None


def _named(rule: Rule) -> str:
    return f"{rule.id} {rule.reference()}"


def term_fault(programme: Programme, wish: Wish) -> Refusal | None:
    """Why the rules would not have let somebody sign this; None where they would."""
    try:
        term_of(programme, wish)
    except Refused as refused:
        return refused.refusal
    return None


# -- how many --------------------------------------------------------------------------------------------------------


def most_of(programme: Programme, on: date) -> tuple[int, Rule] | None:
    """How many residents one team may have at most, and the rule that says so; None where none does."""
    rule = _holding(programme, RATIO, on)
    if rule is None or rule.operator not in (Operator.AT_MOST, Operator.EQUAL, Operator.BETWEEN):
        return None
    most = rule.upper if rule.operator is Operator.BETWEEN else rule.value
    return (int(most), rule) if most is not None else None


def check_ratio(programme: Programme, on: date, *, has: int, more: int, deviation: str) -> None:
    """Insist that a team takes no more residents than the rule has it. Raises Refused (team-full)."""
    found = most_of(programme, on)
    if found is None or has + more <= found[0]:
        return
    most, rule = found
    if rule.binding is Binding.PRINCIPLE and deviation:
        return
    code = "team-full-in-principle" if rule.binding is Binding.PRINCIPLE else "team-full"
    numbers = {"most": str(most), "has": str(has), "more": str(more)}
    raise refuse(code, "deviation", rule=rule.id, clause=rule.reference(), **numbers)


def clause_of_one_team(programme: Programme, on: date) -> str:
    """The clause that gives a resident one team at a time; "" where the document does not say it."""
    rule = _holding(programme, AT_A_TIME, on)
    return rule.reference() if rule else ""
