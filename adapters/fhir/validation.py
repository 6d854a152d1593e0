"""Validation of FHIR resources by fhir.resources (R4B; 4.0.1 resources pass), and the codes it leaves
unchecked.

fhir.resources checks structure, cardinality and datatypes, but no required binding: gender "X" passes. The
lists of codes are in its models all the same, some of them cut short (they end in ``+``), so those are
written out here after https://hl7.org/fhir/R4B/valueset-all.html.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, NamedTuple, get_args, get_origin

from fhir.resources.R4B import get_fhir_model_class
from fhir_core.fhirabstractmodel import FHIRAbstractModel
from pydantic import ValidationError

from adapters.fhir.links import dangling
from adapters.fhir.reading import overflows, read, step
from adapters.fhir.versions import stated_fault, version_of
from adapters.fhir.written import check_written
from hub.errors import Refusal, Refused, refuse
from hub.message import FhirMessage

_OBSERVATION_STATUS = "registered preliminary final amended corrected cancelled entered-in-error unknown"
_ENCOUNTER_STATUS = "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"

# Required bindings of code elements whose list fhir.resources cuts short or leaves out.
_CODES: Mapping[str, str] = {
    "DetectedIssue.status": _OBSERVATION_STATUS,
    "DeviceUdiCarrier.entryType": "barcode rfid manual card self-reported unknown",
    "DeviceUseStatement.status": "active completed entered-in-error intended stopped on-hold",
    "DiagnosticReport.status": "registered partial preliminary final amended corrected appended cancelled "
    "entered-in-error unknown",
    "Encounter.status": _ENCOUNTER_STATUS,
    "EncounterStatusHistory.status": _ENCOUNTER_STATUS,
    "Observation.status": _OBSERVATION_STATUS,
    "Quantity.comparator": "< <= >= >",
    "QuestionnaireItem.type": "group display question boolean decimal integer date dateTime time string text "
    "url choice open-choice attachment reference quantity",
    "RiskAssessment.status": _OBSERVATION_STATUS,
    "SupplyRequest.status": "draft active suspended cancelled completed entered-in-error unknown",
    "Task.status": "draft requested received accepted rejected ready cancelled in-progress on-hold failed "
    "completed entered-in-error",
}

# Required bindings of CodeableConcept elements: one coding has to be of these (code system, codes).
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_CONCEPTS: Mapping[str, tuple[str, str]] = {
    "Condition.clinicalStatus": (
        f"{_TERMINOLOGY}condition-clinical",
        "active recurrence relapse inactive remission resolved",
    ),
    "Condition.verificationStatus": (
        f"{_TERMINOLOGY}condition-ver-status",
        "unconfirmed provisional differential confirmed refuted entered-in-error",
    ),
    "AllergyIntolerance.clinicalStatus": (
        f"{_TERMINOLOGY}allergyintolerance-clinical",
        "active inactive resolved",
    ),
    "AllergyIntolerance.verificationStatus": (
        f"{_TERMINOLOGY}allergyintolerance-verification",
        "unconfirmed confirmed refuted entered-in-error",
    ),
}

_NULL = "is null; leave the element out (nulls beside `_` extensions are not supported)"


class _Element(NamedTuple):
    """An element: its attribute in the model and the types its values have in JSON, none for an object."""

    attribute: str
    types: frozenset[type]
    name: str


_PRIMITIVES: tuple[tuple[type, frozenset[type], str], ...] = (
    (bool, frozenset({bool}), "boolean"),
    (int, frozenset({int}), "whole number"),
    (Decimal, frozenset({int, float, Decimal}), "number"),
)

# Errors of pydantic whose message may quote the value; everything else is said in the library's words.
_QUOTING = frozenset({"model_validation_format", "fhir-validation-wrong-resource-type"})


def check(resource: dict[str, object], where: str = "") -> Refusal | None:
    """The first fault of a resource, at its path below `where` (by default its type), or None.

    The refusal is "invalid-resource"; its reason never quotes a value. The resource is not changed.
    """
    kind = str(resource.get("resourceType", ""))
    where = where or kind
    if (stated := stated_fault(resource, where)) is not None:
        return stated
    try:
        model = get_fhir_model_class(kind).model_validate(resource)
        misfit = _misfit_in(resource, model)
    except ValidationError as error:
        return _of_other_version(resource, error, where) or _first(error, where)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        # What fhir.resources stumbles over instead of reporting: unknown types of contained resources, odd
        # nesting.
        return refuse("invalid-resource", where, reason="is no valid resource of FHIR R4B").refusal
    if misfit is not None:
        return refuse("invalid-resource", f"{where}{misfit.path}", reason=misfit.reason).refusal
    for path, reason in _wrong_codes(model, where):
        return refuse("invalid-resource", path, reason=reason).refusal
    return None


def validate_body(
    body: bytes,
    supported: frozenset[str],
    kind: str = "",
    method: str = "POST",
    identifier: str = "",
) -> FhirMessage:
    """Reads and checks a whole request body; arguments, errors and result as `reading.read`, besides those of
    `written.check_written` and `links.dangling`.

    In a transaction the first invalid resource raises `Refused`; in a batch it carries its refusal and the
    others go on. Arguments, result and exception can be pickled, so a bundle may be checked in another
    process.
    """
    check_written(body)
    message = read(body, supported=supported, kind=kind, method=method, identifier=identifier)
    if (refusal := dangling(message)) is not None:
        raise Refused(refusal)
    entries = []
    for entry in message.entries:
        refusal = entry.refusal or check(entry.resource, entry.where)
        if refusal is not None and message.kind != "batch":
            raise Refused(refusal)
        entries.append(replace(entry, refusal=refusal))
    return replace(message, entries=tuple(entries))


def _of_other_version(resource: dict[str, object], error: ValidationError, where: str) -> Refusal | None:
    """The refusal of what R4B does not know and another version does, at the first fault."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    version = version_of(resource, (fault["type"] for fault in faults))
    return refuse("other-fhir-version", _path(faults[0]["loc"], where), version=version).refusal if version else None


def _path(steps: Iterable[int | str], where: str) -> str:
    return where + "".join(step(part) for part in steps if part not in ("root", "resource_type"))


def _first(error: ValidationError, where: str) -> Refusal:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = _path(fault["loc"], where)
    return refuse("invalid-resource", path, reason=_reason(fault["type"], fault["msg"])).refusal


def _reason(kind: str, message: str) -> str:
    if kind in _QUOTING:
        return "is of another type than FHIR R4B has here"
    if kind == "extra_forbidden":
        return "is no element that FHIR R4B has here"
    return message.removeprefix("Value error, ").rstrip(".!")


class _Misfit(NamedTuple):
    """A value that is not written as FHIR's JSON has it; `path` begins below the resource."""

    path: str
    reason: str


def _misfit_in(written: Mapping[str, object], model: FHIRAbstractModel) -> _Misfit | None:
    """The first value below `written`, the JSON that `model` was read from, that JSON has in another type.

    pydantic reads "false" as False and "6.8" as 6.8; FHIR's JSON has a boolean and a number there
    (https://hl7.org/fhir/R4B/json.html#primitive), and what is stored is the JSON as it was sent.
    """
    elements = _elements(type(model))
    for name, value in written.items():
        if name in elements:
            element = elements[name]
            misfit = _misfit(value, model.__dict__.get(element.attribute), element)
            if misfit is not None:
                return _Misfit(f"{step(name)}{misfit.path}", misfit.reason)
    return None


def _misfit(value: object, read: object, element: _Element) -> _Misfit | None:
    kind = type(value)
    if kind is list:
        return _misfit_of_list(value, read, element)  # type: ignore[arg-type]
    if value is None:
        return _Misfit("", _NULL)
    if not element.types:
        return _misfit_in(value, read) if kind is dict and isinstance(read, FHIRAbstractModel) else None  # type: ignore[arg-type]
    if kind not in element.types and not (str in element.types and isinstance(value, str)):
        return _Misfit("", f"is not written as a JSON {element.name}")
    if isinstance(read, datetime) and read.tzinfo is not None and overflows(read):
        return _Misfit("", "is outside the calendar by its time zone")
    return None


def _misfit_of_list(values: list[object], read: object, element: _Element) -> _Misfit | None:
    items = read if isinstance(read, list) and len(read) == len(values) else [None] * len(values)
    for at, (value, item) in enumerate(zip(values, items, strict=True)):
        if (misfit := _misfit(value, item, element)) is not None:
            return _Misfit(f"{step(at)}{misfit.path}", misfit.reason)
    return None


@cache
def _elements(model: type[FHIRAbstractModel]) -> dict[str, _Element]:
    """A model's elements by their names in JSON; `resourceType` is none of them."""
    return {
        field.alias or name: _element(name, set(_bases(field.annotation)))
        for name, field in model.model_fields.items()
        if name != "resource_type"
    }


def _element(attribute: str, bases: set[object]) -> _Element:
    if any(hasattr(base, "get_model_klass") for base in bases):
        return _Element(attribute, frozenset(), "object")
    for base, types, name in _PRIMITIVES:
        if base in bases:
            return _Element(attribute, types, name)
    return _Element(attribute, frozenset({str}), "string")


def _bases(annotation: object) -> Iterator[object]:
    """The Python types that an annotation comes down to: ``bool`` of ``Optional[Annotated[bool, ...]]``."""
    if get_origin(annotation) is Annotated:
        yield from _bases(get_args(annotation)[0])
    elif get_origin(annotation) is not None:
        for one in get_args(annotation):
            yield from _bases(one)
    else:
        yield annotation


def _wrong_codes(model: FHIRAbstractModel, where: str) -> Iterator[tuple[str, str]]:
    """The paths below a valid resource where a required binding is not met, with the reason."""
    codes, concepts = _bindings(type(model))
    for name, value in model.__dict__.items():
        if value is None or name == "resource_type":
            continue
        if name in codes:
            yield from _wrong_code(value, f"{where}.{_alias(type(model), name)}", codes[name])
        elif name in concepts:
            yield from _wrong_concept(value, f"{where}.{name}", *concepts[name])
        elif isinstance(value, FHIRAbstractModel):
            yield from _wrong_codes(value, f"{where}.{_alias(type(model), name)}")
        elif isinstance(value, list):
            for at, item in enumerate(value):
                if isinstance(item, FHIRAbstractModel):
                    yield from _wrong_codes(item, f"{where}.{_alias(type(model), name)}[{at}]")


def _wrong_code(value: object, where: str, allowed: frozenset[str]) -> Iterator[tuple[str, str]]:
    values = value if isinstance(value, list) else [value]
    for at, code in enumerate(values):
        if code is not None and code not in allowed:
            path = f"{where}[{at}]" if isinstance(value, list) else where
            yield path, f"is not one of {', '.join(sorted(allowed))}"


def _wrong_concept(
    value: FHIRAbstractModel, where: str, system: str, allowed: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """A coding without system passes by its code: senders leave the system out where the standard has only
    one."""
    codings = getattr(value, "coding", None) or []
    if not any(coding.code in allowed and coding.system in (None, system) for coding in codings):
        yield f"{where}.coding", f"has none of {', '.join(sorted(allowed))} of {system}"


@cache
def _bindings(
    model: type[FHIRAbstractModel],
) -> tuple[dict[str, frozenset[str]], dict[str, tuple[str, frozenset[str]]]]:
    """A model's fields with a required binding: those of type code, those of type CodeableConcept."""
    codes: dict[str, frozenset[str]] = {}
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        listed = extra.get("enum_values") if isinstance(extra, dict) else None
        written = _CODES.get(f"{model.__name__}.{field.alias or name}")
        if written is not None:
            codes[name] = frozenset(written.split())
        elif isinstance(listed, list) and not {"+", "etc."} & {str(code) for code in listed}:
            codes[name] = frozenset(str(code) for code in listed)
    prefix = f"{model.__name__}."
    concepts = {
        path.removeprefix(prefix): (system, frozenset(allowed.split()))
        for path, (system, allowed) in _CONCEPTS.items()
        if path.startswith(prefix)
    }
    return codes, concepts


@cache
def _alias(model: type[FHIRAbstractModel], name: str) -> str:
    """An element's name as JSON has it: ``class`` for ``class_fhir``."""
    field = model.model_fields.get(name)
    return (field.alias if field else None) or name
