"""Forms of public health (FHIR QuestionnaireResponse): measurements become observations, the form an entry with its
classification. The response itself is kept as it was sent.

An item is known by its linkId, else by its text, in the words of ``mappings/forms``. What nobody knows is unaccounted
for. A response that takes the place of an earlier one (its status is amended) takes back what it no longer says.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.mapping.codes import CodeTable
from hub.mapping.units import LOINC, PRESSURE_PANEL, UCUM, own_units, unit_of
from hub.message.forms import Choices, Form, Item, forms
from hub.record import Flag, Json, Mapped, Trace, Unaccounted

KIND = "QuestionnaireResponse"
_STATUSES = {
    "in-progress": "preliminary",
    "completed": "final",
    "amended": "amended",
    "entered-in-error": "entered-in-error",
    "stopped": "unknown",
}
"""http://hl7.org/fhir/R4B/valueset-questionnaire-answers-status.html to the status of what is read from it."""
_CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
_VITAL = frozenset({"8480-6", "8462-4", "29463-7", "8302-2", "39156-5", "8867-4", "8280-0", "8310-5", "9279-1"})
_NUMBER = re.compile(r"(?P<comparator><=|>=|<|>)?\s*(?P<number>\d+(\.\d+)?)\s*(?P<unit>\D.*)?")
_ADDED = re.compile(r"[（(][^（()）]*[）)]$")
_LINK = re.compile(r"[\w./-]{1,64}", re.ASCII)
_VALUES = (
    *("valueQuantity", "valueDecimal", "valueInteger", "valueCoding", "valueString", "valueDate", "valueDateTime"),
    *("valueBoolean", "valueTime", "valueUri", "valueReference", "valueAttachment"),
)


@dataclass(frozen=True, slots=True)
class Answered:
    """An item with its answers, where it stands, and the form's item that it is; None where nobody knows it."""

    path: str
    link: str
    answers: Sequence[Any]
    item: Item | None


@dataclass(frozen=True, slots=True)
class FormReading:
    """What is read from a response beside itself."""

    resources: tuple[Mapped, ...] = ()
    unaccounted: tuple[Unaccounted, ...] = ()


def form_key(response: Mapping[str, Any]) -> str:
    """What a source calls a form of its patient: its id, else its identifier, else what form it is and of when."""
    identifier = response.get("identifier") or {}
    if response.get("id"):
        return str(response["id"])
    if identifier.get("value"):
        return f"{identifier.get('system', '')}|{identifier['value']}"
    return f"{response.get('questionnaire', '')}|{response.get('authored', '')}"


def read_form(response: Json, where: str, tables: Mapping[str, CodeTable]) -> FormReading:
    """What a response becomes; `where` is where it stands in its message. `tables` may hold a source's own words:
    ``form`` for questionnaires, ``form-item`` for items, ``units``."""
    form = _form_of(str(response.get("questionnaire") or ""), tables.get("form"))
    if form is None:
        lost = Unaccounted(where=f"{where}.questionnaire", field=f"{KIND}.questionnaire", is_clinical=True)
        return FormReading(unaccounted=(lost,))
    answered = list(_answered(response, where, form, tables.get("form-item")))
    filler = _Filler(form, response, where, tables.get("units") or own_units())
    return FormReading(
        resources=tuple(filler.resources([one for one in answered if one.item])),
        unaccounted=tuple(_lost(one, form) for one in answered if one.item is None),
    )


def _form_of(canonical: str, names: CodeTable | None) -> Form | None:
    """The form of a canonical: a source's own table knows it, or it ends in the form's name."""
    address = canonical.partition("|")[0]
    known = names.find(address) if names else None
    return forms().get(known.to if known else re.split(r"[/:]", address)[-1])


def _answered(holder: Json, where: str, form: Form, names: CodeTable | None) -> Iterator[Answered]:
    """The items that have answers, groups and items under answers taken apart, in their order."""
    for number, item in enumerate(holder.get("item") or ()):
        path = f"{where}.item[{number}]"
        answers = [one for one in item.get("answer") or () if any(name in one for name in _VALUES)]
        if answers:
            link = str(item.get("linkId", ""))
            yield Answered(path, link, answers, _item_of(form, link, str(item.get("text") or ""), names))
        yield from _answered(item, path, form, names)
        for at, answer in enumerate(item.get("answer") or ()):
            yield from _answered(answer, f"{path}.answer[{at}]", form, names)


def _item_of(form: Form, link: str, text: str, names: CodeTable | None) -> Item | None:
    known = (names.find(f"{form.name}/{link}") or names.find(link)) if names else None
    said = (known.to if known else "", link, text, _ADDED.sub("", text))
    return next((form.by_name[name] for one in said if (name := one.strip().casefold()) in form.by_name), None)


def _lost(one: Answered, form: Form) -> Unaccounted:
    """A linkId is the sender's, and may be anything: one that is no plain name is not repeated."""
    link = one.link if _LINK.fullmatch(one.link) else "?"
    return Unaccounted(where=one.path, field=f"{KIND}.{form.name}.{link}", is_clinical=True)


# -- what it becomes ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Filler:
    """Makes the observations of one response."""

    form: Form
    response: Json
    where: str
    units: CodeTable
    flags: dict[str, list[Flag]] = field(default_factory=dict)

    def resources(self, answered: Sequence[Answered]) -> Iterator[Mapped]:
        """The measurements, the panels, what else is observed, and the form's own entry."""
        by_name = {one.item.name: one for one in answered if one.item}
        for panel in self.form.panels:
            parts = [one for one in answered if one.item and one.item.panel == panel]
            yield from self._panel(panel, parts, by_name)
        for item in self.form.items:
            if item.is_observation and not item.panel:
                yield from self._single(item, by_name)
        yield self._entry(answered, by_name)

    def _panel(self, name: str, parts: Sequence[Answered], answered: Mapping[str, Answered]) -> Iterator[Mapped]:
        code = _concept(LOINC, PRESSURE_PANEL, name)
        if not parts:
            yield from self._taken_back(name, code)
            return
        component = [
            {"code": _concept(LOINC, item.loinc, item.zh), **value}
            for one in parts
            if (item := one.item) and (value := self._value(item, one))
        ]
        if component:
            head = self._head(code, parts[0].item, answered)
            yield self._mapped(name, {**head, "component": component}, parts)

    def _single(self, item: Item, answered: Mapping[str, Answered]) -> Iterator[Mapped]:
        system, code = (LOINC, item.loinc) if item.loinc else ("urn:hub:form-item", item.name)
        concept = _concept(system, code, item.zh)
        one = answered.get(item.name)
        if one is None:
            yield from self._taken_back(item.name, concept)
        elif value := self._value(item, one):
            yield self._mapped(item.name, {**self._head(concept, item, answered), **value}, [one])

    def _taken_back(self, name: str, concept: Json) -> Iterator[Mapped]:
        """What an amended form no longer says."""
        if self.response.get("status") == "amended":
            head = self._head(concept, None, {})
            yield self._mapped(name, {**head, "status": "entered-in-error"}, [])

    def _entry(self, answered: Sequence[Answered], by_name: Mapping[str, Answered]) -> Mapped:
        """The form as a line of the record: its classification as the value, what else was answered as a note."""
        coding = [{"system": "urn:hub:form", "code": self.form.name, "display": self.form.zh}]
        if self.form.document:
            coding.append({"system": "urn:oid:2.16.156.10011.2.4", "code": self.form.document})
        concept = {"coding": coding, "text": self.form.title}
        found = {**self._head(concept, None, by_name), "category": [_category("survey")]}
        result = by_name.get(self.form.result)
        if result and result.item:
            found |= self._value(result.item, result)
        told = [one for one in answered if one.item and not one.item.is_observation and one is not result]
        if lines := [f"{one.item.zh}：{_words(one)}" for one in told if one.item]:
            found["note"] = [{"text": "\n".join(lines)}]
        return self._mapped("form", found, [result] if result else [])

    def _head(self, concept: Json, item: Item | None, answered: Mapping[str, Answered]) -> Json:
        status = _STATUSES.get(str(self.response.get("status")), "unknown")
        found: Json = {"resourceType": "Observation", "status": status, "code": concept}
        if item:
            found["category"] = [_category(_sort(item))]
        days = (answered.get(name) for name in ((item.day if item else ""), self.form.day) if name)
        day = next((said for one in days if one and (said := _day(one.answers[0]))), None)
        found["subject"] = self.response["subject"]
        if when := day or self.response.get("authored"):
            found["effectiveDateTime"] = when
        if author := self.response.get("author"):
            found["performer"] = [author]
        if identifier := self.response.get("identifier"):
            found["derivedFrom"] = [{"type": KIND, "identifier": identifier}]
        return found

    def _mapped(self, name: str, resource: Json, parts: Sequence[Answered]) -> Mapped:
        row = f"forms/{self.form.name}:{name}"
        path = parts[0].path if parts else self.where
        return Mapped(
            kind="Observation",
            key=f"{form_key(self.response)}/{name}",
            resource=resource,
            path=path,
            row=row,
            traces=tuple(
                Trace(element, path, row) for element in resource if element not in ("resourceType", "subject")
            ),
            flags=tuple(flag for one in parts for flag in self.flags.get(one.path, ())),
            whole=True,
        )

    def _value(self, item: Item, one: Answered) -> Json:
        """The value of an observation: a number with its unit, a choice with its code, else the words as they came."""
        if item.is_number and (quantity := self._quantity(item, one)):
            return {"valueQuantity": quantity}
        if item.choices and item.kind == "choice":
            return {"valueCodeableConcept": self._choice(item.choices, one)}
        said = _words(one)
        return {"valueString": said} if said else {}

    def _quantity(self, item: Item, one: Answered) -> Json | None:
        """A number in the unit of its item, or in the one that was sent with it."""
        answer = one.answers[0]
        if "valueQuantity" in answer:
            sent = answer["valueQuantity"]
            return (
                sent if "value" in sent and (sent.get("code") or sent.get("unit")) else self._in_unit(sent, item, one)
            )
        number = answer.get("valueDecimal", answer.get("valueInteger"))
        if number is not None:
            return self._in_unit({"value": number}, item, one)
        found = _NUMBER.fullmatch(str(answer.get("valueString", "")).strip())
        if found is None:
            return None
        value = float(found["number"]) if "." in found["number"] else int(found["number"])
        sent = {"value": value, "comparator": found["comparator"], "unit": (found["unit"] or "").strip()}
        return self._in_unit({name: said for name, said in sent.items() if said not in (None, "")}, item, one)

    def _in_unit(self, sent: Json, item: Item, one: Answered) -> Json | None:
        if "value" not in sent:
            return None
        unit = str(sent.get("unit") or item.unit)
        known = unit_of(unit, self.units)
        if known is None:
            self._flag(one, "unknown-unit", "units")
            return {**sent, "unit": unit}
        return {**sent, "unit": unit, "system": UCUM, "code": known.to}

    def _choice(self, choices: Choices, one: Answered) -> Json:
        answer = one.answers[0]
        coding = answer.get("valueCoding") or {}
        said = [str(text) for text in (coding.get("code"), coding.get("display"), _word(answer)) if text]
        code = next((found for text in said if (found := choices.find(text))), None)
        if code is None:
            self._flag(one, "unknown-code", choices.name)
            return {"coding": [coding], "text": said[-1]} if coding else {"text": said[-1]}
        return _concept(f"urn:hub:form:{choices.name}", code, choices.words[code])

    def _flag(self, one: Answered, code: str, table: str) -> None:
        self.flags.setdefault(one.path, []).append(Flag(code, one.path, table))


def _sort(item: Item) -> str:
    return "vital-signs" if item.loinc in _VITAL else "laboratory" if item.loinc else "survey"


def _concept(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _category(code: str) -> Json:
    return {"coding": [{"system": _CATEGORIES, "code": code}]}


def _day(answer: Mapping[str, Any]) -> str | None:
    return answer.get("valueDate") or answer.get("valueDateTime")


def _words(one: Answered) -> str:
    """All answers of an item as people read them; a code of the form's own list by its words."""
    choices = one.item.choices if one.item else None
    words = [_word(answer) for answer in one.answers]
    if choices:
        words = [choices.words.get(choices.find(word) or "", word) for word in words]
    is_bare = any(name in one.answers[0] for name in ("valueDecimal", "valueInteger"))
    unit = one.item.unit if one.item and is_bare else ""
    return "、".join(f"{word} {unit}".strip() for word in words)


def _word(answer: Mapping[str, Any]) -> str:
    name = next(name for name in _VALUES if name in answer)
    value = answer[name]
    if isinstance(value, dict):
        number = f"{value.get('comparator', '')}{value.get('value', '')} {value.get('unit', '')}".strip()
        return str(value.get("display") or value.get("code") or number) if name != "valueQuantity" else number
    return ("是" if value else "否") if isinstance(value, bool) else str(value)
