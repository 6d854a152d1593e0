"""What every mutation answers with: what it changed, or a refusal that a program and a person can use."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import strawberry

from hub.api.context import Info
from hub.api.labels import Label
from hub.care.deed import Deed
from hub.errors import Refusal, Refused

Done = TypeVar("Done")
Shown = TypeVar("Shown")


@strawberry.type(name="Refusal", description="Why something was not done, and what to do next. Nothing was changed.")
class RefusalType:
    code: str = strawberry.field(
        description="What kind of refusal it is: slot-taken. The list is in the documentation."
    )
    message: Label = strawberry.field(description="What is wrong, as a sentence.")
    next_step: Label = strawberry.field(description="What can be done about it, as a sentence.")
    where: str | None = strawberry.field(description="The argument or thing that it is about; null where it is none.")
    clause: str | None = strawberry.field(
        description="The clause of the region's policy that refuses: weihai-2023 四(三); null where none does."
    )
    changes_at: datetime | None = strawberry.field(
        description="When the answer will be another one by itself; null where time alone changes nothing."
    )


async def change(
    info: Info, do: Callable[[Deed], Awaitable[Done]], show: Callable[[Done], Shown]
) -> Shown | RefusalType:
    """Do it, and show what was done; or the refusal. Arguments are read inside `do`, so that they may be refused."""
    try:
        return show(await info.context.carry_out(info.field_name, do))
    except Refused as refused:
        return refusal_from(refused.refusal)


def refusal_from(refusal: Refusal) -> RefusalType:
    """A refusal as an answer. `clause` and `changes_at` (ISO 8601) are taken from what it was given."""
    at = refusal.given.get("changes_at")
    return RefusalType(
        code=refusal.code,
        message=Label(zh=refusal.message("zh"), en=refusal.message("en")),
        next_step=Label(zh=refusal.next_step("zh"), en=refusal.next_step("en")),
        where=refusal.where or None,
        clause=refusal.given.get("clause"),
        changes_at=datetime.fromisoformat(at) if at else None,
    )
