"""Alerts for somebody: whose they may see."""

from collections.abc import Sequence
from uuid import UUID

from hub.alerts import Alert
from hub.care.messages import OVERSEERS, may_see_messages
from hub.care.visit import Visit
from hub.store import alerts


async def page_alerts(visit: Visit, only_open: bool, most: int, after: UUID | None) -> Sequence[Alert]:
    """The newest alerts behind `after`: all of them for engineers and administrators, for a source's account those of
    its source. Raises Refused (may-not-see-messages)."""
    visit.decide(may_see_messages(visit.viewer))
    visit.touch(kinds=["Alert"])
    source = None if visit.viewer.role in OVERSEERS else visit.viewer.source
    return await visit.ask(alerts.list_newest, source, only_open, most, after)
