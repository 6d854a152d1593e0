"""Reading the record for somebody: check, load, witness. What the API and the pages call.

    Visit ---> read ... read ---> close (the audit row is committed) ---> the answer leaves

A visit is one request, or one delivery of a subscription. It opens a connection when it first reads, sees one moment
of the database throughout, and asks one thing at a time: asyncpg forbids two on one connection.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.access import OWN_VIEW, Decision, Viewer, may_read_records
from hub.audit import TREATMENT, Witness
from hub.errors import Refused
from hub.message import plain
from hub.store import log, records
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
        purpose: str = TREATMENT,
        address: str = "",
    ) -> None:
        self.viewer = viewer
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

    def name(self, operation: str | None) -> None:
        """What the client calls its query, as far as it does."""
        self._operation = plain(operation or "anonymous", LONGEST_NAME)

    def check(self, residents: Iterable[UUID] = ()) -> None:
        """Insist that the viewer may read these residents. Either way the audit trail will say so.

        Raises Refused (may-not-read-records), and that before anything is looked up: whether somebody is known here
        is nobody's business who may not read them.
        """
        self._residents.update(dict.fromkeys(residents))
        self._decision = may_read_records(self.viewer)
        if self._decision.refusal is not None:
            raise Refused(self._decision.refusal)

    async def residents(self, ids: Sequence[UUID]) -> list[Row | None]:
        """Residents by id, in the order asked; one that was replaced is the one that stays; None if unknown."""
        self.check(ids)
        found = await self._ask(records.find_residents, ids)
        self.check(row["id"] for row in found.values())
        return [found.get(one) for one in ids]

    async def resident_by_number(self, systems: Sequence[str], value: str) -> UUID | None:
        """Who holds a strong number. The number itself stays out of the audit trail."""
        self.check()
        found = await self._ask(records.find_by_number, systems, value)
        self.check([found] if found else ())
        return found

    async def page_residents(self, most: int, after: UUID | None) -> list[Row]:
        """Residents in the order in which they were opened."""
        self.check()
        rows = await self._ask(records.page_residents, most, after)
        self.check(row["id"] for row in rows)
        return rows

    async def count_residents(self) -> int:
        """How many residents there are."""
        self.check()
        return await self._ask(records.count_residents)

    async def numbers(self, residents: Sequence[UUID]) -> list[list[Row]]:
        """The strong numbers of each resident."""
        self.check(residents)
        found = await self._ask(records.list_numbers, residents)
        return [found.get(one, []) for one in residents]

    async def patients(self, residents: Sequence[UUID]) -> list[list[Row]]:
        """The patients that stand for each resident."""
        self.check(residents)
        found = await self._ask(records.list_patients, residents)
        return [found.get(one, []) for one in residents]

    async def entries(self, kind: str, residents: Sequence[UUID], page: Page) -> list[Found]:
        """A page of each resident's entries of a kind."""
        self.check(residents)
        self._kinds[kind] = None
        found = await self._ask(records.list_entries, kind, residents, page)
        return [found[one] for one in residents]

    async def entries_by_id(self, kind: str, ids: Sequence[UUID]) -> list[Row | None]:
        """Entries of a kind by id, each checked by the resident whose it is."""
        self.check()
        self._kinds[kind] = None
        found = await self._ask(records.find_entries, kind, ids)
        self.check(row["resident_id"] for row in found.values())
        return [found.get(one) for one in ids]

    async def close(self) -> None:
        """Commit the audit row. The answer may leave only after this; when it raises, the answer must not leave."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            async with self._turn:
                await self._witness()
        finally:
            await self._leave()

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

    async def _ask(
        self,
        question: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
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
