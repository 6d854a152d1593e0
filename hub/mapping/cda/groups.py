"""Which entries of a document belong together: a diagnosis is a code and a name in two entries, or one in the other.

Vendors nest them in three ways: each diagnosis in an organizer of its own, one after the other in a section (name,
code, name, code), or in columns (name, name, code, code). What belongs together is never guessed: columns of unequal
length are taken as single entries.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from hub.mapping.cda.places import Standing
from hub.mapping.cda.rows import CdaSet

Group = list[Standing]
Roles = Sequence[tuple[str, str]]


def role_of(text: str, roles: Roles) -> str:
    """What part something plays, by the first of the words that its name has; "" where it has none."""
    for word, role in roles if text else ():  # asked for every entry: a generator would take twice as long
        if word in text:
            return role
    return ""


def groups_of(row_set: CdaSet, standing: Sequence[Standing], taken: Set[int], roles: Roles) -> Iterator[Group]:
    """The groups that a row set makes one resource each of, in the order of the document."""
    if row_set.once:
        yield list(standing)
    elif row_set.kinds:
        heads = [one for one in standing if one.said.kind in row_set.kinds and one.said.number not in taken]
        inside = _children(standing) if heads else {}
        yield from ([one, *_within(one, inside)] for one in heads)
    else:
        wanted = row_set.of | row_set.along
        candidates = [one for one in standing if one.element in wanted and one.said.number not in taken]
        yield from _of_elements(row_set, candidates, standing, roles)


def _children(standing: Sequence[Standing]) -> Mapping[int, Group]:
    found: dict[int, Group] = {}
    for one in standing:
        found.setdefault(one.said.parent, []).append(one)
    return found


def _within(head: Standing, inside: Mapping[int, Group]) -> Iterator[Standing]:
    """Everything inside an entry, in the order of the document."""
    for one in inside.get(head.said.number, ()):
        yield one
        yield from _within(one, inside)


def _of_elements(
    row_set: CdaSet, candidates: Sequence[Standing], standing: Sequence[Standing], roles: Roles
) -> Iterator[Group]:
    parents = {one.said.number: one.said.parent for one in standing}
    numbers = {one.said.number for one in candidates}
    side_by_side: dict[tuple[int, int], Group] = {}
    nested: list[tuple[int, Standing]] = []
    for one in candidates:
        around = _candidate_around(one, parents, numbers)
        if around:
            nested.append((around, one))
        else:
            side_by_side.setdefault((one.said.parent, one.said.scope), []).append(one)
    groups = [group for beside in side_by_side.values() for group in _paired(beside, roles)]
    home = {one.said.number: group for group in groups for one in group}
    for around, one in nested:  # in the order of the document, so that what is around stands there already
        group = home[around]
        if any(other.element == one.element for other in group):
            group = [one]
            groups.append(group)
        else:
            group.append(one)
        home[one.said.number] = group
    made = [group for group in groups if any(one.element in row_set.of for one in group)]
    yield from sorted(made, key=lambda group: group[0].said.number)


def _candidate_around(one: Standing, parents: Mapping[int, int], numbers: Set[int]) -> int:
    """The number of the nearest candidate that this one is inside; 0 where there is none."""
    at = one.said.parent
    while at and at not in numbers:
        at = parents[at]
    return at


def _paired(beside: Group, roles: Roles) -> Iterator[Group]:
    """Entries side by side, as what belongs together. What plays another part is something else; what has no part of
    its own goes with what stands before it, and the name that says the part of a code that had none goes with that."""
    latest: Group | None = None
    by_role: dict[str, list[Group]] = {}
    columns = _columns(beside, roles)
    for one in beside:
        role = role_of(one.said.label, roles)
        if role in columns:
            continue
        if role and latest is not None and _waits_for(latest, one, roles):
            by_role[""].remove(latest)
            by_role.setdefault(role, []).append(latest)
            latest.append(one)
            continue
        last = latest if not role else next(reversed(by_role.get(role, [])), None)
        is_opened_anew = bool(by_role.get(role)) and by_role[role][0][0].element == one.element
        if last is None or is_opened_anew or any(other.element == one.element for other in last):
            last = []
            by_role.setdefault(role, []).append(last)
        last.append(one)
        latest = last
    yield from (group for groups in by_role.values() for group in groups)
    for column in columns.values():
        yield from column


def _waits_for(group: Group, one: Standing, roles: Roles) -> bool:
    """Whether a group is a lone entry without a part, and this one another element of the same thing."""
    return len(group) == 1 and group[0].element != one.element and not role_of(group[0].said.label, roles)


def _columns(beside: Iterable[Standing], roles: Roles) -> dict[str, list[Group]]:
    """The roles whose entries come in columns (all codes, then all names), each paired by their places."""
    by_role: dict[str, Group] = {}
    for one in beside:
        by_role.setdefault(role_of(one.said.label, roles), []).append(one)
    found: dict[str, list[Group]] = {}
    for role, group in by_role.items():
        counts = Counter(one.element for one in group)
        if len(group) > len(counts) > 1 and group[0].element == group[1].element:
            found[role] = _by_place(group) if len(set(counts.values())) == 1 else [[one] for one in group]
    return found


def _by_place(group: Group) -> list[Group]:
    seen: Counter[str] = Counter()
    pairs: dict[int, Group] = {}
    for one in group:
        seen[one.element] += 1
        pairs.setdefault(seen[one.element], []).append(one)
    return list(pairs.values())
