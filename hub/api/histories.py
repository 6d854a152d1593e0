"""What was said of an entry, word by word."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from hub.api.labels import Label
from hub.chart.history import Change, Step
from hub.errors import refuse

MOST_WORDS = 200
DEFAULT_WORDS = 50

Last = Annotated[int, strawberry.argument(description=f"How many words, of the last ones: 1 to {MOST_WORDS}.")]


@strawberry.enum(description="What has become of one word on an entry.")
class WordState(Enum):
    """`hub.chart.history.State`, each value with its meaning."""

    CURRENT = strawberry.enum_value("current", description="Something of it is shown.")
    SUPERSEDED = strawberry.enum_value("superseded", description="A later word took its place.")
    CORRECTED = strawberry.enum_value("corrected", description="A later word that calls itself a correction did.")
    CANCELLED = strawberry.enum_value("cancelled", description="What it said was cancelled or withdrawn.")


_LABELS = {
    WordState.CURRENT: Label(zh="有效", en="current"),
    WordState.SUPERSEDED: Label(zh="已被后续信息取代", en="superseded"),
    WordState.CORRECTED: Label(zh="已更正", en="corrected"),
    WordState.CANCELLED: Label(zh="已取消", en="cancelled"),
}


@strawberry.type(description="One field of an entry, before and after a word on it.")
class EntryChange:
    element: str = strawberry.field(description="The field of the entry: status, value, ended.")
    before: str | None = strawberry.field(description="What it held before; null where nothing.")
    after: str | None = strawberry.field(description="What it holds after; null where nothing.")


@strawberry.type(description="One word on an entry: what one message said of it.")
class HistoryStep:
    said_at: datetime = strawberry.field(description="When it happened: the time of the message's event.")
    sent_at: datetime = strawberry.field(description="When the message was written.")
    received_at: datetime = strawberry.field(description="When the hub received it.")
    source: str = strawberry.field(description="The sending system, by the name of its profile.")
    organisation: str = strawberry.field(description="The organisation that the system belongs to.")
    message_id: strawberry.ID = strawberry.field(description="The message, as `hub message list` names it.")
    path: str = strawberry.field(description="Where in the message it stands: OBX[2].")
    state: WordState = strawberry.field(description="What has become of it.")
    label: Label = strawberry.field(description="The same, in words.")
    changes: list[EntryChange] = strawberry.field(
        description="What it changed of what had been said before it, in the order of events; empty where nothing."
    )


def steps_from(steps: Sequence[Step]) -> list[HistoryStep]:
    """Words as `hub.chart.history` has them."""
    return [_step(one) for one in steps]


def check_last(last: int) -> int:
    """How many words are asked for. Raises Refused (page-too-large, bad-argument)."""
    if last > MOST_WORDS:
        raise refuse("page-too-large", "last", asked=str(last), most=str(MOST_WORDS))
    if last < 1:
        raise refuse("bad-argument", "last", reason=f"1-{MOST_WORDS}")
    return last


def _step(one: Step) -> HistoryStep:
    state, fact = WordState(one.state.value), one.fact
    return HistoryStep(
        said_at=fact.event_at,
        sent_at=fact.sent_at,
        received_at=fact.received_at,
        source=fact.source,
        organisation=fact.organisation,
        message_id=strawberry.ID(str(fact.message_id)),
        path=fact.path,
        state=state,
        label=_LABELS[state],
        changes=[_change(change) for change in one.changes],
    )


def _change(change: Change) -> EntryChange:
    return EntryChange(element=to_camel_case(change.element), before=_shown(change.before), after=_shown(change.after))


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return "、".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
