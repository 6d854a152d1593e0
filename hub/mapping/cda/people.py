"""People of documents, their numbers, and how to reach them."""

from collections.abc import Iterable

from hub.identifiers import normalise
from hub.mapping.cda.codes import concept
from hub.mapping.cda.context import Context, Convert
from hub.mapping.cda.places import Branch
from hub.mapping.cda.values import text
from hub.mapping.converters.numbers import is_nobodys, local_system, numbered
from hub.mapping.converters.people import PARTICIPATION
from hub.mapping.converters.reader import filled
from hub.message import NUMBERS, IdentifierRule, Source, rule_for_root
from hub.record import Identifier, Json


def name(branch: Branch, context: Context) -> Json | None:
    """A person's name, whole; inner spaces of a padded Chinese name go."""
    said = text(branch, context)
    if not said:
        return None
    return {"text": said if said.isascii() else "".join(said.split())}


def address(branch: Branch, context: Context) -> Json | None:
    """An address in its parts from large to small, or whole."""
    whole = "".join(context.said(one.value) for names in _LARGE_TO_SMALL if (one := branch.at(*names)))
    whole = whole or (context.said(branch.main.value) if branch.main else "")
    if not whole:
        return None
    pieces = {"city": "city", "district": "county", "state": "state", "postalCode": "postalCode"}
    given = {element: one.value for element, path in pieces.items() if (one := branch.at(path))}
    return filled({"text": whole, **{element: context.said(said) for element, said in given.items()}})


_LARGE_TO_SMALL = (
    *(("state",), ("city",), ("county",), ("township",)),
    *(("streetName", "streetAddressLine"), ("houseNumber",)),
)


def birth_place(branch: Branch, context: Context) -> Json | None:
    """Where somebody was born, as FHIR's own extension."""
    found = address(branch, context)
    url = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"
    return {"url": url, "valueAddress": {"text": found["text"]}} if found else None


def telecom(branch: Branch, context: Context) -> Json | None:
    """A telephone number, with or without ``tel:``."""
    said = (text(branch, context) or "").removeprefix("tel:").strip()
    if said.startswith("mailto:"):
        return {"system": "email", "value": said.removeprefix("mailto:")}
    return {"system": "phone", "value": said, "use": "home"} if said else None


def work_telecom(branch: Branch, context: Context) -> Json | None:
    found = telecom(branch, context)
    return {**found, "use": "work"} if found else None


def contact(branch: Branch, context: Context) -> Json | None:
    """Who is to be told of a patient: name, kinship, telephone. One who takes part otherwise is none."""
    if branch.below("scopingOrganization/name"):
        return None
    person = branch.below("associatedPerson/name", "assignedPerson/name")
    called = context.said(person.value) if person else ""
    if not called:
        return None
    kin, phone = branch.at("associatedEntity/code", "assignedEntity/code"), branch.below("telecom")
    relation = concept(branch.alone(kin), context) if kin else None
    found: Json = {"relationship": [relation] if relation else None, "name": {"text": called}}
    number = telecom(branch.alone(phone), context) if phone else None
    return filled({**found, "telecom": [number] if number else None})


def person_number(branch: Branch, context: Context) -> Json | None:
    """A number of the person. Others that stand among a patient's ids (of a report, of a prescription) are none."""
    main = branch.main
    value = context.said(main.value) if main else ""
    if main is None or not value or not is_of_person(main.system, context.source):
        return None
    rule = rule_for_root(context.source, main.system)
    kind = NUMBERS.get(main.system, "local-number")
    rule = rule or IdentifierRule(type=main.system, kind=kind)
    if is_nobodys(rule, value, context.kinds):
        return None
    return numbered(rule, value, context.source, context.kinds, main.where)


def is_of_person(root: str, source: Source) -> bool:
    """Whether an id of this root is a number by which a person is known."""
    return root in NUMBERS or rule_for_root(source, root) is not None


def practitioner(branch: Branch, context: Context) -> Json | None:
    """Somebody of the staff, by name, and by number where there is one."""
    person = branch.below("assignedPerson/name") or branch.main
    called = context.said(person.value) if person else ""
    if person is None or not called:
        return None
    staff = branch.below("assignedEntity/id", "assignedAuthor/id")
    value = context.said(staff.value) if staff else ""
    given = {"system": f"urn:hub:source:{context.source.name}:staff", "value": value} if value else None
    return filled({"type": "Practitioner", "identifier": given, "display": called})


def performing(system: str, code: str, display: str) -> Convert:
    """Who did something, in which function."""
    function = {"coding": [{"system": system, "code": code, "display": display}]} if code else None

    def convert(branch: Branch, context: Context) -> Json | None:
        found = practitioner(branch, context)
        return filled({"function": function, "actor": found}) if found else None

    return convert


def assistant(branch: Branch, context: Context) -> Json | None:
    """Who helped at an operation, and as what (第一助手)."""
    person, role = branch.below("playingEntity/name"), branch.below("participantRole/code")
    called = context.said(person.value) if person else ""
    if not called:
        return None
    function = concept(branch.alone(role), context) if role else None
    return filled({"function": function, "actor": {"type": "Practitioner", "display": called}})


def attender(branch: Branch, context: Context) -> Json | None:
    """Who is in charge of a stay."""
    found = practitioner(branch, context)
    kind = {"system": PARTICIPATION, "code": "ATND"}
    return {"type": [{"coding": [{**kind, "display": "attender"}]}], "individual": found} if found else None


def organisation(branch: Branch, context: Context) -> Json | None:
    said = text(branch, context)
    return {"type": "Organization", "display": said} if said else None


def reference_text(branch: Branch, context: Context) -> Json | None:
    said = text(branch, context)
    return {"display": said} if said else None


def patient_numbers(branches: Iterable[Branch], context: Context) -> tuple[Identifier, ...]:
    """The numbers by which the source itself tells its patients apart, in the profile's order; where there is none of
    these, a declared number of another kind (a citizen ID number alone) serves."""
    source, declared = context.source, []
    for branch in branches:
        main = branch.main
        rule = rule_for_root(source, main.system) if main else None
        value = context.said(main.value) if main else ""
        if rule is not None and value and not is_nobodys(rule, value, context.kinds):
            declared.append((source.identifiers.index(rule), rule, value))
    own = [item for item in declared if item[1].of_patient] or declared
    return tuple(
        Identifier(kind=rule.kind, system=local_system(source, rule.type), value=normalise(value))
        for _, rule, value in sorted(own, key=lambda item: item[0])
    )
