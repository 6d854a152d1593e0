"""What of a session is the teams', and from when until when: by the region's rules, or by what the hospital states.

A rule that gives no figure that holds refuses, unless the session itself states what it leaves open. What a hospital
states may give the teams more than the rule, never less.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from hub.days import day_of
from hub.errors import refuse
from hub.policy import Binding, Programme, Rule
from hub.slots.offers import Offered

SHARE, LEAD_TIME, WINDOW, RELEASE = "slot-share", "slot-lead-time", "slot-window-share", "slot-release"


def reserved(total: int, share: Fraction) -> int:
    """How many of `total` slots a share asks for: at least, so rounded up, and exactly (1/3 of 10 is 4)."""
    return -(-total * share.numerator // share.denominator)


def spread(numbers: Sequence[int], count: int) -> list[int]:
    """`count` of these numbers, evenly spread over them: a team's patients are not all the last ones of the day."""
    total = len(numbers)
    if count >= total:
        return list(numbers)
    return [numbers[(2 * place + 1) * total // (2 * count)] for place in range(count)]


def for_teams(offered: Iterable[Offered], taken: Collection[int], count: int) -> frozenset[int]:
    """The numbers of the free slots that are to be the teams', so that with those taken they are `count`.

    Whatever the hospital has marked for teams is theirs. Where that is not enough, the rest is spread evenly.
    """
    listed = sorted(offered, key=lambda one: one.number)
    free = [one.number for one in listed if one.is_free and one.number not in taken]
    marked = {one.number for one in listed if one.is_for_team and one.number in free}
    needed = count - len(taken) - len(marked)
    if needed <= 0:
        return frozenset(marked)
    even = spread([one.number for one in listed], count)
    chosen = [number for number in even if number in free and number not in marked][:needed]
    rest = [number for number in free if number not in marked and number not in chosen]
    return frozenset({*marked, *chosen, *spread(rest, needed - len(chosen))})


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """What a hospital says of a session, as far as rules are about it. `total` counts its slots, those that others
    have taken among them; None is what it leaves to the rules. `authority` is whose hospital it is."""

    kind: str
    authority: str
    starts_at: datetime
    public_from: datetime
    total: int
    reserved: int | None = None
    team_from: datetime | None = None
    release_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What holds for a session. `share` is exact, the rules are region and clause; "" where the hospital said it."""

    reserved: int
    share: str = ""
    rule: str = ""
    team_from: datetime
    opening_rule: str = ""
    release_at: datetime
    release_rule: str = ""


def terms(programme: Programme, stated: Stated) -> Terms:
    """What holds for a session by the rules of the day on which it is.

    Where nothing is reserved, nothing opens earlier and nothing has to be released. Raises Refused (policy-open,
    no-region, reserved-above-total, opens-after-public, released-after-start).
    """
    if stated.reserved is not None and stated.reserved > stated.total:
        raise refuse(
            "reserved-above-total",
            "extension(urn:hub:reserved)",
            reserved=str(stated.reserved),
            total=str(stated.total),
        )
    count, share, rule = _count(programme, stated)
    if not count:
        return Terms(reserved=0, share=share, rule=rule, team_from=stated.public_from, release_at=stated.starts_at)
    team_from, opening_rule = _opening(programme, stated)
    release_at, release_rule = _release(programme, stated)
    return Terms(
        reserved=count,
        share=share,
        rule=rule,
        team_from=team_from,
        opening_rule=opening_rule,
        release_at=release_at,
        release_rule=release_rule,
    )


def _find(programme: Programme, id: str, stated: Stated) -> Rule | None:
    return programme.find(id, day_of(stated.starts_at), kind=stated.kind, authority=stated.authority)


def _count(programme: Programme, stated: Stated) -> tuple[int, str, str]:
    """How many slots are the teams', the share that the rule asks for, and the rule.

    A kind that no rule is about reserves what the hospital states; so does one of which the rule only says that some
    may be reserved (可).
    """
    rule = _find(programme, SHARE, stated)
    if programme.policy is None and stated.reserved is None:
        programme.get(SHARE, day_of(stated.starts_at))
    if rule is None:
        return stated.reserved or 0, "", ""
    if rule.holds:
        return max(reserved(stated.total, rule.value), stated.reserved or 0), str(rule.value), rule.reference()
    if stated.reserved is None and rule.binding is not Binding.MAY:
        raise rule.refusal()
    return stated.reserved or 0, "", rule.reference() if stated.reserved else ""


def _opening(programme: Programme, stated: Stated) -> tuple[datetime, str]:
    """When teams may book: as stated, and never later than the rule has it."""
    own = stated.team_from or stated.public_from
    if own > stated.public_from:
        raise refuse("opens-after-public", "extension(urn:hub:team-from)")
    rule = _find(programme, LEAD_TIME, stated)
    if rule is None or (not rule.holds and stated.team_from is not None):
        return own, ""
    asked = stated.public_from - rule.as_days()
    return (asked, rule.reference()) if asked <= own else (own, "")


def _release(programme: Programme, stated: Stated) -> tuple[datetime, str]:
    """When what teams left free goes to the public: as stated; else after the first part of the time in which all may
    book; else so long before the session begins."""
    if stated.release_at is not None:
        if stated.release_at > stated.starts_at:
            raise refuse("released-after-start", "extension(urn:hub:release-at)")
        return stated.release_at, ""
    window = _find(programme, WINDOW, stated)
    if window is not None:
        open_for = stated.starts_at - stated.public_from
        part = open_for * window.value.numerator / window.value.denominator
        return stated.public_from + part, window.reference()
    day = day_of(stated.starts_at)
    rule = programme.get(RELEASE, day, kind=stated.kind, authority=stated.authority)
    return stated.starts_at - rule.as_days(), rule.reference()
