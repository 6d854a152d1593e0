"""Rows of agreements as Patient and Contract; a Group where a household or an organisation signs."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from adapters.files.bundles import FileBundle, Json, address, bundle, coded, extension, filled, identified, referred
from adapters.files.columns import AGREEMENTS
from adapters.files.faults import Reason
from adapters.files.sheet import Row
from hub.errors import Refusal
from hub.message import Source

_OF_A_PERSON = ("identifier_kind", "identifier", "name", "birth_date")
_PROVIDERS = {"team": "CareTeam", "practitioner": "Practitioner", "alliance": "Organization"}
_SERVICE = "家庭医生签约服务"
IsNumber = Callable[[str, str], bool]
"""Kind and text of a person's number to whether it can be one."""


def agreements_of(rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    """The rows of each agreement, by its number."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["number"], []).append(row)
    return found


def agreement_faults(rows: Sequence[Row], source: Source, is_number: IsNumber) -> Iterator[Refusal]:
    """What is wrong with agreements beyond their single cells."""
    for row in rows:
        yield from _person_faults(row, source, is_number)
        if row["ends_on"] < row["begins_on"]:
            yield row.refusal(Reason("is before begins_on", "早于开始日期"), "ends_on")
        if (row["client_kind"] == "resident") == bool(row.get("client")):
            reason = Reason(
                "is filled for a household (its number) or an organisation (its code), and for nobody else",
                "家庭填家庭编号、单位填机构代码，其余留空",
            )
            yield row.refusal(reason, "client")
    for together in agreements_of(rows).values():
        yield from _group_faults(together)


def _person_faults(row: Row, source: Source, is_number: IsNumber) -> Iterator[Refusal]:
    kinds = [rule.kind for rule in source.identifiers]
    if row["identifier_kind"] not in kinds:
        known = ", ".join(kinds)
        reason = Reason(f"is none of those that the source's profile declares: {known}", f"来源配置只声明了：{known}")
        yield row.refusal(reason, "identifier_kind")
    elif not is_number(row["identifier_kind"], row["identifier"]):
        reason = Reason(
            "has a wrong length, birth date or check digit (GB 11643)", "长度、出生日期或校验位有误（GB 11643）"
        )
        yield row.refusal(reason, "identifier")


def _group_faults(together: Sequence[Row]) -> Iterator[Refusal]:
    """Rows of one number are one agreement with several people: they differ in the person only."""
    first, *others = together
    people = {_person_key(first)}
    for row in others:
        if first["client_kind"] == "resident":
            reason = Reason(
                f"has the number of line {first.line}; only a household or an organisation has several rows",
                f"与第 {first.line} 行编号相同；只有家庭或单位可有多行",
            )
            yield row.refusal(reason, "number")
            continue
        for column in AGREEMENTS.columns:
            if column.name not in _OF_A_PERSON and row.get(column.name) != first.get(column.name):
                en = f"differs from line {first.line}, which has the same number"
                yield row.refusal(Reason(en, f"与编号相同的第 {first.line} 行不一致"), column.name)
        if _person_key(row) in people:
            yield row.refusal(Reason("stands in this agreement twice", "在同一协议中重复"), "identifier")
        people.add(_person_key(row))


def agreement_bundles(rows: Sequence[Row], source: Source) -> Iterator[FileBundle]:
    """One bundle an agreement: the people whom it covers, and the contract."""
    systems = {rule.kind: rule.type for rule in reversed(source.identifiers)}
    for number, together in agreements_of(rows).items():
        resources = [(_person_key(row), _patient(row, systems)) for row in together]
        if together[0]["client_kind"] != "resident":
            resources.append((number, _group(together)))
        yield bundle(AGREEMENTS, number, together, [*resources, (number, _contract(together))])


def _person_key(row: Row) -> str:
    return f"{row['identifier_kind']}/{row['identifier']}"


def _patient(row: Row, systems: Mapping[str, str]) -> Json:
    return filled(
        {
            "resourceType": "Patient",
            "identifier": [{"system": systems[row["identifier_kind"]], "value": row["identifier"]}],
            "name": [{"text": row["name"]}] if row.get("name") else [],
            "birthDate": row["birth_date"].isoformat() if row.get("birth_date") else None,
        }
    )


def _people(together: Sequence[Row]) -> list[Json]:
    return [{"reference": address("Patient", _person_key(row))} for row in together]


def _group(together: Sequence[Row]) -> Json:
    """A household under its number; the people of an organisation under that of their agreement."""
    first = together[0]
    is_household = first["client_kind"] == "household"
    return {
        "resourceType": "Group",
        "identifier": identified("household", first["client"])
        if is_household
        else identified("group", first["number"]),
        "type": "person",
        "actual": True,
        "quantity": len(together),
        "member": [{"entity": one} for one in _people(together)],
    }


def _contract(together: Sequence[Row]) -> Json:
    row = together[0]
    provider = referred(_PROVIDERS[row["provider_kind"]], row["provider"])
    return filled(
        {
            "resourceType": "Contract",
            "extension": [
                *(extension("package", valueString=name) for name in row.get("packages", ())),
                *(
                    extension("combination", valueReference=referred("Organization", key))
                    for key in row.get("combination", ())
                ),
                *([extension("end-reason", valueString=row["end_reason"])] if row.get("end_reason") else []),
            ],
            "identifier": identified("agreement", row["number"]),
            "status": row.get("status", "executed"),
            "issued": row.get("signed_on", row["begins_on"]).isoformat(),
            "applies": {"start": row["begins_on"].isoformat(), "end": row["ends_on"].isoformat()},
            "subject": _subject(together),
            "type": coded("agreement-kind", row["kind"]),
            "term": [{"offer": {"text": _SERVICE}, "action": [_action(provider)]}],
        }
    )


def _subject(together: Sequence[Row]) -> list[Json]:
    row = together[0]
    group = {"reference": address("Group", row["number"])}
    if row["client_kind"] == "resident":
        return _people(together)
    if row["client_kind"] == "household":
        return [group]
    return [referred("Organization", row["client"]), group]


def _action(provider: Json) -> Json:
    """FHIR R4B asks for a type, an intent and a status, which say nothing here; who performs it does."""
    return {
        "type": {"text": _SERVICE},
        "intent": {"text": _SERVICE},
        "status": {"text": "active"},
        "performer": provider,
    }
