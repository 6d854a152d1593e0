"""What is said of an alert, in both languages."""

from typing import Any
from uuid import UUID

from hub.alerts.kinds import SENTENCES, UNITS, Alert, whole_minutes
from hub.errors import Language, Refusal


def tell(alert: Alert, notice: UUID) -> dict[str, Any]:
    """The body of a webhook: `notice` is the id by which a receiver knows a repeat. Times are ISO 8601 in UTC."""
    return {
        "id": str(notice),
        "alert": str(alert.id),
        "event": "began" if alert.until is None else "ended",
        "recovered": alert.is_recovered,
        "kind": alert.kind.value,
        "source": alert.source,
        "since": alert.since.isoformat(),
        "until": alert.until.isoformat() if alert.until else None,
        "figure": alert.figure,
        "threshold": alert.threshold,
        "unit": UNITS[alert.kind],
        "sentence": {"zh": sentence(alert, "zh"), "en": sentence(alert, "en")},
        "nextStep": {"zh": next_step(alert, "zh"), "en": next_step(alert, "en")},
    }


def sentence(alert: Alert, language: Language) -> str:
    """What is the matter, or that it is over and what it was."""
    was = Refusal(code=SENTENCES[alert.kind], given=alert.given)
    ending = _ending(alert)
    if ending is None:
        return was.message(language)
    return f"{ending.message(language)}{' ' if language == 'en' else ''}{was.message(language)}"


def next_step(alert: Alert, language: Language) -> str:
    """What to do about it."""
    ending = _ending(alert)
    return (ending or Refusal(code=SENTENCES[alert.kind], given=alert.given)).next_step(language)


def _ending(alert: Alert) -> Refusal | None:
    if alert.until is None:
        return None
    minutes = whole_minutes(alert.until - alert.since)
    return Refusal(code="alert-over" if alert.is_recovered else "alert-unjudged", given={"minutes": minutes})
