"""Reading the record for somebody: check, load, witness. What the API and the pages call.

    Visit ---> read ... read ---> close (the audit row is committed) ---> the answer leaves

A visit is one request, or one delivery of a subscription. It opens a connection when it first reads, sees one moment
of the database throughout, and asks one thing at a time: asyncpg forbids two on one connection.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.access import OWN_VIEW, Decision, Viewer, may_read, may_read_records
from hub.audit import TREATMENT, Witness
from hub.care.deed import whose
from hub.errors import Refused, refuse
from hub.message import plain
from hub.store import log, records, relations
from hub.store.records import Found, Page, Row

LONGEST_NAME = 100
"""Characters of an operation's name that the audit trail keeps."""

P = ParamSpec("P")
T = TypeVar("T")


def of_one_moment(engine: AsyncEngine) -> AsyncEngine:
    """The engine that visits take: all that one of them reads is the record at one moment."""
    return engine.execution_options(isolation_level="REPEATABLE READ")


class Visit:
    """One reading of records by one viewer, and what it leaves in the audit trail. `engine` is `of_one_moment`."""

    def __init__(
        self,
        engine: AsyncEngine,
        viewer: Viewer,
        *,
        operation: str = "anonymous",
        now: datetime,
        purpose: str = TREATMENT,
        address: str = "",
    ) -> None:
        self.viewer = viewer
        self.now = now
        self.name(operation)
        self._engine = engine
        self._purpose = purpose
        self._address = address
        self._decision: Decision = OWN_VIEW
        self._residents: dict[UUID, None] = {}
        self._kinds: dict[str, None] = {}
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._is_closed = False
        self._is_covered = False
        self._whose = whose(viewer, now)
        self._relations: dict[UUID, str | None] = {}

    def name(self, operation: str | None) -> None:
        """What the client calls its query, as far as it does."""
        self._operation = plain(operation or "anonymous", LONGEST_NAME)

    def decide(self, decision: Decision) -> None:
        """Insist on a decision. Either way the audit trail will say so; one refusal outweighs what was allowed."""
        if self._decision.is_allowed:
            self._decision = decision
        if decision.refusal is not None:
            raise Refused(decision.refusal)

    def touch(self, *residents: UUID | None, kinds: Iterable[str] = ()) -> None:
        """Whom the answer is about, and what of them it reads: the audit row names them."""
        self._residents.update(dict.fromkeys(one for one in residents if one is not None))
        self._kinds.update(dict.fromkeys(kinds))

    async def check(self, residents: Iterable[UUID] = ()) -> None:
        """Insist that the viewer may read every one of these residents.

        Raises Refused (may-not-read-records, no-relation), and that before anything is looked up: whether somebody is
        known here is nobody's business who may not read them.
        """
        asked = list(residents)
        self.touch(*asked)
        self.decide(may_read_records(self.viewer))
        await self._relate(asked)
        self.decide(may_read(self.viewer, [self._relations.get(one) for one in asked]))

    async def _relate(self, residents: Iterable[UUID]) -> None:
        """Find the viewer's relation to residents, once a visit."""
        unknown = [one for one in dict.fromkeys(residents) if one not in self._relations]
        if unknown:
            found = await self.ask(relations.find_relations, self._whose, unknown)
            self._relations.update({one: found.get(one) for one in unknown})

    async def residents(self, ids: Sequence[UUID]) -> list[Row | Refused]:
        """Residents by id, in the order asked; one that was replaced is the one that stays.

        In place of one to whom there is no relation stands the refusal (no-relation), and in place of one that nobody
        knows too: the two must look the same.
        """
        self.touch(*ids)
        self.decide(may_read_records(self.viewer))
        found = await self.ask(records.find_residents, ids)
        await self._relate(row["id"] for row in found.values())
        return [self._readable(found.get(one)) for one in ids]

    async def residents_related(self, ids: Sequence[UUID]) -> list[Row]:
        """Those of these residents to whom there is a relation, as they stand now; the others are left out."""
        if not ids or not may_read_records(self.viewer).is_allowed:
            return []
        found: dict[UUID, Row] = {row["id"]: row for row in (await self.ask(records.find_residents, ids)).values()}
        await self._relate(found)
        related = [row for key, row in found.items() if self._relations.get(key)]
        self.touch(*(row["id"] for row in related))
        self.decide(may_read(self.viewer, [self._relations.get(row["id"]) for row in related]))
        return related

    def _readable(self, row: Row | None) -> Row | Refused:
        """A row, if there is a relation to whom it is about; else the refusal, which the audit row will name."""
        try:
            if row is None:
                self.decide(may_read(self.viewer, [None]))
                raise refuse("no-relation")
            self.touch(row["id"])
            self.decide(may_read(self.viewer, [self._relations.get(row["id"])]))
        except Refused as refused:
            return refused
        return row

    async def resident_by_number(self, systems: Sequence[str], value: str) -> UUID | None:
        """Who holds a strong number. The number itself stays out of the audit trail."""
        self.decide(may_read_records(self.viewer))
        return await self.ask(records.find_by_number, systems, value)

    async def page_residents(self, most: int, after: UUID | None) -> list[Row]:
        """Those to whom the viewer has a relation, in the order in which they became known."""
        self.decide(may_read_records(self.viewer))
        rows: list[Row] = await self.ask(relations.page_residents, self._whose, most, after)
        self._relations.update({row["id"]: "own" for row in rows})
        self.touch(*(row["id"] for row in rows))
        self.decide(may_read(self.viewer, ["own" for _ in rows]))
        return rows

    async def count_residents(self) -> int:
        """How many residents there are to whom the viewer has a relation."""
        self.decide(may_read_records(self.viewer))
        return await self.ask(relations.count_residents, self._whose)

    async def numbers(self, residents: Sequence[UUID]) -> list[list[Row]]:
        """The strong numbers of each resident."""
        await self.check(residents)
        found = await self.ask(records.list_numbers, residents)
        return [found.get(one, []) for one in residents]

    async def patients(self, residents: Sequence[UUID]) -> list[list[Row]]:
        """The patients that stand for each resident."""
        await self.check(residents)
        found = await self.ask(records.list_patients, residents)
        return [found.get(one, []) for one in residents]

    async def entries(self, kind: str, residents: Sequence[UUID], page: Page) -> list[Found]:
        """A page of each resident's entries of a kind."""
        await self.check(residents)
        self.touch(kinds=[kind])
        found = await self.ask(records.list_entries, kind, residents, page)
        return [found[one] for one in residents]

    async def entries_by_id(self, kind: str, ids: Sequence[UUID]) -> list[Row | Refused]:
        """Entries of a kind by id; the refusal (no-relation) where they are of somebody to whom there is none, or of
        nobody."""
        self.decide(may_read_records(self.viewer))
        self.touch(kinds=[kind])
        found = await self.ask(records.find_entries, kind, ids)
        await self._relate(row["resident_id"] for row in found.values())
        return [self._entry(found.get(one)) for one in ids]

    def _entry(self, row: Row | None) -> Row | Refused:
        readable = self._readable({"id": row["resident_id"]} if row else None)
        return row if row is not None and not isinstance(readable, Refused) else refuse("no-relation")

    async def close(self) -> None:
        """Commit the audit row. The answer may leave only after this; when it raises, the answer must not leave."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._is_covered and not self.is_open:
            return
        try:
            async with self._turn:
                await self._witness()
        finally:
            await self._leave()

    def cover(self) -> None:
        """A deed's audit row says what the answer holds: unless more is read for it, it needs none of its own."""
        self._is_covered = True

    @property
    def is_open(self) -> bool:
        """Whether something has been read."""
        return self._connection is not None

    async def abandon(self) -> None:
        """No answer will leave: give the connection back."""
        self._is_closed = True
        await self._leave()

    async def _witness(self) -> None:
        rows = [self.witness().row()]
        connection = await self._open()
        try:
            await log.witness(connection, rows)
        except DBAPIError:  # a statement failed before, and with it the transaction; the witness stands all the same
            await connection.rollback()
            await log.witness(connection, rows)
        await connection.commit()

    def witness(self) -> Witness:
        """What the audit trail will hold."""
        return Witness(
            viewer=self.viewer,
            operation=self._operation,
            purpose=self._purpose,
            decision=self._decision,
            residents=tuple(self._residents),
            kinds=tuple(self._kinds),
            address=self._address,
        )

    async def ask(
        self,
        question: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """What a question of the store answers, at the visit's moment."""
        async with self._turn:
            if self._is_closed:
                raise RuntimeError("a closed visit reads no more: its audit row is written")
            return await question(await self._open(), *args, **kwargs)

    async def _open(self) -> AsyncConnection:
        if self._connection is None:
            self._connection = await self._engine.connect()
        return self._connection

    async def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.shield(connection.close())
