"""Changing something for somebody: check, change, witness, in one transaction.

    carry_out ---> do(deed) ---> history, events and the audit row ---> commit

A refusal rolls the change back; its audit row is committed all the same. Who loses a race against another
transaction is tried again, so that people never see a deadlock.
"""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.access import OWN_VIEW, Decision, Role, Viewer, insist, may_act, may_read
from hub.audit import TREATMENT, Witness
from hub.days import day_of
from hub.errors import Refusal, Refused, refuse
from hub.programme.hand import Hand
from hub.store import log, relations

T = TypeVar("T")

_TRIES = 3
_RACES = ("40001", "40P01")
"""serialization_failure and deadlock_detected (PostgreSQL, appendix A)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Errand:
    """Who wants what changed, from where, when. `operation` is the mutation's name."""

    viewer: Viewer
    operation: str
    now: datetime
    address: str = ""
    purpose: str = TREATMENT


class Deed:
    """One change under way: its connection, its hand, and what it will leave in the audit trail."""

    def __init__(self, connection: AsyncConnection, errand: Errand) -> None:
        viewer = errand.viewer
        self.connection = connection
        self.viewer = viewer
        self.now = errand.now
        self.hand = Hand(connection=connection, by=viewer.id, role=viewer.role.value, now=errand.now)
        self._errand = errand
        self._decision: Decision = OWN_VIEW
        self._residents: dict[UUID, None] = {}
        self._kinds: dict[str, None] = {}

    def decide(self, decision: Decision) -> None:
        """Insist on a decision; the audit row names its rule. Raises Refused."""
        self._decision = decision
        insist(decision)

    def check_role(self, act: str, *roles: Role) -> None:
        """Insist that the viewer's role does such things. Raises Refused (may-not-change)."""
        self.decide(may_act(self.viewer, act, roles))

    def touch(self, *residents: UUID | None, kinds: Iterable[str] = ()) -> None:
        """Whom the change is about, and what of them it read: the audit row names them."""
        self._residents.update(dict.fromkeys(one for one in residents if one is not None))
        self._kinds.update(dict.fromkeys(kinds))

    async def check_related(self, resident: UUID) -> None:
        """Insist on a relation to a resident. Raises Refused (may-not-read-records, no-relation)."""
        self.touch(resident)
        found = await relations.find_relations(self.connection, whose(self.viewer, self.now), [resident])
        self.decide(may_read(self.viewer, [found.get(resident)]))

    def witness(self) -> Witness:
        """What the audit trail will hold."""
        return Witness(
            viewer=self.viewer,
            operation=self._errand.operation,
            purpose=self._errand.purpose,
            decision=self._decision,
            residents=tuple(self._residents),
            kinds=tuple(self._kinds),
            changes=tuple(self.hand.changes),
            address=self._errand.address,
        )

    def refused(self, refused: Refused) -> Witness:
        """What the audit trail will hold where the change was refused: nothing changed."""
        said = self.witness()
        rule = said.decision.rule if not said.decision.is_allowed else f"refused:{refused.refusal.code}"
        return Witness(
            viewer=said.viewer,
            operation=said.operation,
            purpose=said.purpose,
            decision=Decision(rule=rule, refusal=refused.refusal),
            residents=said.residents,
            kinds=said.kinds,
            address=said.address,
        )


def whose(viewer: Viewer, now: datetime) -> relations.Given:
    """The viewer's side of every relation."""
    is_desk = viewer.role is Role.HOSPITAL_DESK
    return relations.given(team=viewer.team, organisation=viewer.organisation, is_desk=is_desk, today=day_of(now))


async def carry_out(engine: AsyncEngine, errand: Errand, do: Callable[[Deed], Awaitable[T]]) -> T:
    """Change something in a transaction of its own, and return what `do` returns.

    Raises Refused with what `do` refuses; too-busy where others were faster again and again. A fault of ours is raised
    as it is; the audit trail names the attempt all the same.
    """
    for _ in range(_TRIES):
        try:
            return await _try(engine, errand, do)
        except Refused:
            raise
        except Exception as fault:
            if not _is_race(fault):
                await _witness_failed(engine, errand, "internal")
                raise
    await _witness_failed(engine, errand, "too-busy")
    raise refuse("too-busy")


def _is_race(fault: Exception) -> bool:
    return isinstance(fault, DBAPIError) and str(getattr(fault.orig, "sqlstate", "")) in _RACES


async def _witness_failed(engine: AsyncEngine, errand: Errand, code: str) -> None:
    """Somebody tried, and nothing was changed."""
    failed = Decision(rule=f"failed:{code}", refusal=Refusal(code=code, given={"reference": ""}))
    witness = Witness(
        viewer=errand.viewer,
        operation=errand.operation,
        purpose=errand.purpose,
        decision=failed,
        address=errand.address,
    )
    with suppress(DBAPIError, OSError):  # the database itself may be what failed
        async with engine.begin() as connection:
            await log.witness(connection, [witness.row()])


async def _try(engine: AsyncEngine, errand: Errand, do: Callable[[Deed], Awaitable[T]]) -> T:
    async with engine.connect() as connection:
        deed = Deed(connection, errand)
        try:
            done = await do(deed)
            await deed.hand.write(deed.witness().row())
        except Refused as refused:
            await connection.rollback()
            await connection.execution_options(isolation_level="AUTOCOMMIT")  # one statement needs no BEGIN and COMMIT
            await log.witness(connection, [deed.refused(refused).row()])
            raise
        await connection.commit()
        return done
