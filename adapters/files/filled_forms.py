"""Rows of forms as Patient and QuestionnaireResponse; what the answers become is for the mapping to say."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from adapters.files.agreements import IsNumber
from adapters.files.bundles import FileBundle, Json, address, bundle, filled, patient
from adapters.files.discharges import CITIZEN_ID, citizen_id_faults, systems_of
from adapters.files.faults import Reason
from adapters.files.kinds import FileKind
from adapters.files.sheet import Row
from hub.errors import Refusal
from hub.message import Source
from hub.message.forms import Form, Item

RECORD_NUMBER = "health-record-number"
_NUMBERS = {"record_number": RECORD_NUMBER, "citizen_id": CITIZEN_ID}


def form_faults(form: Form, rows: Sequence[Row], source: Source, is_number: IsNumber) -> Iterator[Refusal]:
    """What is wrong with rows of a form beyond their single cells."""
    systems = systems_of(source)
    for row in rows:
        if not any(row.get(column) for column in _NUMBERS):
            reason = Reason("is empty, and so is citizen_id: nothing says who it is", "与身份证号均为空，无法确定居民")
            yield row.refusal(reason, "record_number")
        if row.get("record_number") and RECORD_NUMBER not in systems:
            reason = Reason(f"is no number that the profile declares: {RECORD_NUMBER}", "来源配置未声明健康档案编号")
            yield row.refusal(reason, "record_number")
        yield from citizen_id_faults(row, source, is_number)
        for upper, lower in form.panels.values():
            first, second = upper.name, lower.name
            if (row.get(first) is None) != (row.get(second) is None):
                missing = second if row.get(second) is None else first
                yield row.refusal(Reason("is missing: a blood pressure is two numbers", "缺失：血压须成对"), missing)
            elif row.get(first) is not None and float(row[second]) >= float(row[first]):
                yield row.refusal(Reason(f"is not below {first}", "不低于收缩压"), second)


def form_bundles(form: Form, kind: FileKind, rows: Sequence[Row], source: Source) -> Iterator[FileBundle]:
    """One bundle a row: it says all that the row says, and takes back nothing that it is silent about."""
    for row in rows:
        key = form_key(form, row)
        resources = [(key, _patient(row, source)), (key, _response(form, row, key))]
        yield bundle(kind, key, [row], resources)


def form_key(form: Form, row: Row) -> str:
    """What the form is called by: its number, else a hash of who and when, which tells nothing of them."""
    if row.get("number"):
        return str(row["number"])
    person = row.get("record_number") or row["citizen_id"]
    return uuid5(NAMESPACE_URL, f"urn:hub:form/{form.name}/{person}/{row[form.day]}").hex


def _patient(row: Row, source: Source) -> Json:
    systems = systems_of(source)
    return patient([(systems[kind], row.get(name)) for name, kind in _NUMBERS.items()], row)


def _response(form: Form, row: Row, key: str) -> Json:
    author = "，".join(str(row[name]) for name in ("organisation", "doctor") if row.get(name))
    return filled(
        {
            "resourceType": "QuestionnaireResponse",
            "identifier": {"system": f"urn:hub:form:{form.name}", "value": key},
            "questionnaire": f"urn:hub:form:{form.name}",
            "status": "completed",
            "subject": {"reference": address("Patient", key)},
            "authored": row[form.day].isoformat(),
            "author": {"display": author} if author else None,
            "item": [_item(item, row[item.name]) for item in form.items if item.name in row.values],
        }
    )


def _item(item: Item, said: Any) -> Json:
    values = said if isinstance(said, tuple) else (said,)
    return {"linkId": item.name, "text": item.zh, "answer": [_answer(item, value) for value in values]}


def _answer(item: Item, said: Any) -> Json:
    if item.is_number:
        return {"valueQuantity": _quantity(item, said)}
    if item.choices:
        system = f"urn:hub:form:{item.choices.name}"
        return {"valueCoding": {"system": system, "code": said, "display": item.choices.words[said]}}
    return {"valueDate": said.isoformat()} if item.kind == "day" else {"valueString": said}


def _quantity(item: Item, said: str) -> Json:
    """A number with its digits: ``7.50`` stays so to be read."""
    number = float(said) if "." in said else int(said)
    digits = [] if str(number) == said else [{"url": "urn:hub:digits", "valueString": said}]
    return filled({"extension": digits, "value": number, "unit": item.unit}) | {"value": number}
