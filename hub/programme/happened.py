"""What a batch of messages came to, for the programme to react to: in the same transaction, before it commits."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.message import Source
from hub.programme.hand import Hand
from hub.record import Shared

SOURCE = "source"
"""The role of a hand that a message leads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A resource that is not of one patient, with the message that told it, and when that message was written."""

    message_id: UUID
    source: Source
    shared: Shared
    sent_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    """`touched` are the entries that a resident's record gained, lost or changed, as (kind, entry key); `causes` the
    message that changed a resident last; `moves` pairs of (resident before, resident after) of links that moved;
    `senders` the source of each message. Reactions look at the record as it now is, never at what the message said of
    it: so a message that comes twice, late or in another order leads to the same."""

    connection: AsyncConnection
    now: datetime
    told: Sequence[Told]
    touched: Mapping[UUID, frozenset[tuple[str, str]]]
    causes: Mapping[UUID, UUID]
    moves: Sequence[tuple[UUID, UUID]]
    senders: Mapping[UUID, Source]
    _hands: dict[UUID, Hand] = field(default_factory=dict)

    def hand(self, message_id: UUID) -> Hand:
        """The hand of a message: its source does it, and it is the witness."""
        if message_id not in self._hands:
            by = self.senders[message_id].name
            self._hands[message_id] = Hand(
                connection=self.connection, by=by, role=SOURCE, now=self.now, message_id=message_id
            )
        return self._hands[message_id]

    def touched_of(self, kind: str) -> Iterator[tuple[UUID, str]]:
        """The touched entries of a kind, as (resident, entry key)."""
        for resident, keys in self.touched.items():
            yield from ((resident, key) for of, key in sorted(keys) if of == kind)

    def told_of(self, *kinds: str) -> Iterator[Told]:
        """What was told of these kinds, in the order of the messages."""
        return (told for told in self.told if told.shared.kind in kinds)

    async def write(self) -> None:
        """Write what the reactions left behind."""
        for hand in self._hands.values():
            await hand.write()


Reaction: TypeAlias = Callable[[Happened], Awaitable[None]]
"""Raises Refused where a message asks for what cannot be; then the message is parked, and nothing of it is done."""
