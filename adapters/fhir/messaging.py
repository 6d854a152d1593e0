"""The answer to a FHIR message: a message with MessageHeader.response (FHIR R4 2.4.5, ``$process-message``)."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from starlette.responses import Response

from adapters.fhir.answers import json_response, status_of
from adapters.fhir.examination import Header
from adapters.fhir.outcome import operation_outcome
from hub.errors import Refusal

_TRANSIENT = 500
"""From this HTTP status on the fault is ours: the same message may be sent again."""


def message_answer(header: Header, refusal: Refusal | None, *, endpoint: str, at: datetime) -> Response:
    """The answer to a message: code ``ok``, ``transient-error`` or ``fatal-error`` with what is wrong as its details.

    `endpoint` is our own address. HTTP says the same: 200, or the status of the refusal.
    """
    status = status_of(refusal) if refusal else 200
    outcome = operation_outcome((refusal,) if refusal else ())
    header_url, outcome_url = _address(), _address()
    answer: dict[str, Any] = {
        "resourceType": "MessageHeader",
        "id": header_url.removeprefix("urn:uuid:"),
        **header.event,
        "source": {"endpoint": endpoint},
        "response": {"identifier": header.id, "code": _code(status), "details": {"reference": outcome_url}},
    }
    if header.endpoint:
        answer["destination"] = [{"endpoint": header.endpoint}]
    bundle = {
        "resourceType": "Bundle",
        "type": "message",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": _address()},
        "timestamp": at.isoformat(timespec="milliseconds"),
        "entry": [
            {"fullUrl": header_url, "resource": answer},
            {"fullUrl": outcome_url, "resource": outcome},
        ],
    }
    return json_response(bundle, status)


def _code(status: int) -> str:
    if status == 200:
        return "ok"
    return "transient-error" if status >= _TRANSIENT else "fatal-error"


def _address() -> str:
    return f"urn:uuid:{uuid4()}"
