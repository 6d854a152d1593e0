"""States as tables: what the table says is what may be done, what is insisted on, and what is drawn."""

from dataclasses import dataclass

import pytest

from hub.errors import Refusal, Refused
from hub.transitions import Actor, Machine, move

NOBODY: frozenset[Actor] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    state: str
    has_key: bool = True


def _has_a_key(door: Door) -> Refusal | None:
    """There is a key."""
    return None if door.has_key else Refusal(code="not-found", where="key")


DOOR = Machine(
    name="door",
    states=("open", "closed", "locked", "gone"),
    moves=(
        move("close", ["open"], "closed", Actor.TEAM, Actor.TIME),
        move("open", ["closed"], "open", Actor.TEAM),
        move("lock", ["closed"], "locked", Actor.TEAM, guard=_has_a_key),
        move("knock", ["closed", "locked"], "", Actor.CENTRE),
        move("remove", ["locked"], "gone", Actor.HOSPITAL),
    ),
    state_of=lambda door: door.state,
)


def refused(act: str, door: Door, *actors: Actor) -> str:
    with pytest.raises(Refused) as raised:
        DOOR.check(act, door, frozenset(actors))
    assert raised.value.refusal.message("zh")
    return raised.value.refusal.code


def test_what_may_be_done_is_what_the_table_says_for_this_actor_and_state() -> None:
    assert list(DOOR.acts(Door(state="closed"), frozenset({Actor.TEAM}))) == ["open", "lock"]
    assert list(DOOR.acts(Door(state="closed"), frozenset({Actor.CENTRE}))) == ["knock"]
    assert list(DOOR.acts(Door(state="closed"), NOBODY)) == []


def test_a_guard_takes_an_act_away_and_says_why_when_it_is_insisted_on() -> None:
    keyless = Door(state="closed", has_key=False)
    assert list(DOOR.acts(keyless, frozenset({Actor.TEAM}))) == ["open"]
    assert refused("lock", keyless, Actor.TEAM) == "not-found"


def test_insisting_gives_the_next_state() -> None:
    assert DOOR.check("lock", Door(state="closed"), frozenset({Actor.TEAM})) == "locked"
    assert DOOR.check("knock", Door(state="locked"), frozenset({Actor.CENTRE})) == "locked"


def test_a_wrong_state_is_said_before_a_guard_and_a_stranger_is_told_that_it_is_not_theirs() -> None:
    assert refused("lock", Door(state="open", has_key=False), Actor.TEAM) == "not-in-this-state"
    assert refused("lock", Door(state="closed"), Actor.CENTRE) == "not-yours-to-do"


def test_states_that_nothing_leads_out_of_are_final() -> None:
    assert DOOR.final == {"gone"}


def test_the_diagram_has_every_line_of_the_table() -> None:
    drawn = DOOR.diagram()
    assert drawn.startswith("stateDiagram-v2\n    [*] --> open")
    assert "closed --> locked: lock (team) [There is a key]" in drawn
    assert "locked --> locked: knock (centre)" in drawn
    assert "gone --> [*]" in drawn
    assert drawn.count("-->") == 2 + sum(len(one.sources) for one in DOOR.moves)
