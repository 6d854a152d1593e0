"""One source's v2 messages: which plan reads a message, and what the walk through it comes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.errors import refuse
from hub.mapping.accounting import Accounts
from hub.mapping.codes import CodeTable, IdentifierKind
from hub.mapping.converters import Reader
from hub.mapping.happening import times_of
from hub.mapping.ignoring import NOTHING, Ignored
from hub.mapping.rows import MessagePlan
from hub.mapping.sequence import in_order
from hub.mapping.telling import check_may_tell, not_kept
from hub.mapping.walk import Walk
from hub.message import Source, V2Message, unknown_kind
from hub.record import Reading

_AHEAD = timedelta(days=1)
"""How far a sender's clock may be ahead. What is said to happen later than that would outrank every later message."""


@dataclass(frozen=True, slots=True)
class V2Mapping:
    """One source's mapping of v2 messages."""

    source: Source
    tables: Mapping[str, CodeTable]
    kinds: Mapping[str, IdentifierKind]
    plans: Mapping[str, MessagePlan]
    ignored: Ignored = NOTHING

    def read(self, message: V2Message, received_at: datetime) -> Reading:
        """The message as resources of its patients.

        Raises Refused (unknown-message-type, query-not-answered, no-patient, may-not-tell, impossible-date,
        wrong-check-digit) naming the field.
        """
        plan = self.plans.get(message.kind)
        if plan is None:
            raise unknown_kind(message.kind, self.plans)
        if plan.refused:
            raise refuse(plan.refused, "MSH-9", type=message.kind)
        if plan.shares:
            check_may_tell(self.source)
        reader = Reader(self.source, self.tables, self.kinds, message.delimiters, message.segments[0])
        walk = Walk(reader, Accounts(self.tables, self.ignored), plan, message)
        for segment in in_order(message.segments) if plan.behind else message.segments:
            walk.take(segment)
        parts, told = walk.parts(), walk.told()
        if not parts and not told:
            raise refuse("missing-field", "MFE" if plan.shares else "PID")
        event_at, sent_at = times_of(message, self.source, received_at)
        latest = received_at + _AHEAD
        ahead = "MSH-7" if sent_at > latest else "EVN-2" if event_at > latest else ""
        event_at, sent_at = (at if at <= latest else received_at for at in (event_at, sent_at))
        return Reading(
            event_at=event_at,
            sent_at=sent_at,
            parts=parts,
            merges=walk.merges(),
            shared=told,
            unaccounted=tuple(walk.unaccounted()),
            left_out=(*walk.left_out, *not_kept(told)),
            ahead=ahead,
        )
