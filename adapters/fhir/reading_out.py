"""How what is read by FHIR is answered: in JSON of R4 or R4B, or not at all."""

from starlette.requests import Request

from adapters.fhir.versions import header_fault
from hub.errors import Refusal, refuse

_JSON = frozenset({"", "*/*", "application/*", "application/json", "application/fhir+json", "text/json", "json"})


def answer_fault(request: Request) -> Refusal | None:
    """Why an answer cannot be given as it is asked for: in XML ("fhir-in-xml"), or in another version of FHIR; None
    where it can. ``_format`` goes before Accept (FHIR R4 3.1.0.1.11)."""
    accept = request.headers.get("accept", "")
    named = request.query_params.get("_format", "").replace(" ", "+")  # a plus that was not escaped came as a blank
    kinds = {part.partition(";")[0].strip().lower() for part in (named or accept).split(",")}
    if not kinds & _JSON:
        return refuse("fhir-in-xml", "Accept").refusal
    return header_fault(accept, "Accept")
