"""The page of public health's forms: the columns of each, which are its linkIds too, and what they become."""

from adapters.files.form_columns import PERSON
from hub.docs.pages import page, table
from hub.mapping.units import PRESSURE_PANEL
from hub.message.forms import Form, Item, forms

_SAID = {
    "number": "a number",
    "whole": "a whole number",
    "choice": "one of",
    "choices": "some of, apart by semicolons:",
    "day": "a day",
    "text": "text",
}
_KEYS = (
    ("`zh`, `en`, `title`", "What the form is called; its name is that of the file."),
    ("`document`", "The code of its shared document (WS/T 483), where it is known."),
    ("`day`", "The item that says when: what is measured counts as of that day."),
    ("`result`", "The item that classifies; its answer is the value of the form's entry."),
    ("item: `name`, `zh`, `also`", "What the column and the linkId are called."),
    ("item: `as`", "`number`, `whole`, `choice`, `choices`, `day`, `text`."),
    ("item: `choices`", "The list of answers, in `choices.csv`."),
    ("item: `low`, `high`, `unit`", "What is plausible in a file, and the unit where the sender gives none."),
    ("item: `loinc`", "It is a measurement of this code."),
    ("item: `observed`", "It is an observation under the hub's own code."),
    ("item: `panel`", "It is a component of this blood pressure."),
    ("item: `day`", "The item that says when this one was measured."),
    ("item: `required`", "The cell must be filled."),
)


def forms_page() -> str:
    """How forms are sent, what they become, the keys of their definitions, and each form."""
    return page(
        "Forms of public health",
        "Follow-up and examination forms of the national programme (国家基本公共卫生服务规范) are data: "
        "`mappings/forms/NAME.toml`, a line an item. They come as CSV ([Load files](load-files.md): "
        "`hub load`, the drop "
        "folder, views, `/ingest`; the profile `tells` of `record`) or as FHIR `QuestionnaireResponse` "
        "in any request to "
        "`/fhir`.",
        "## What a form becomes",
        "- The **response** as it was sent, or as it is written from the row, is kept as a fact.\n"
        "- Each **measurement** is an Observation with its LOINC code, its unit and UCUM's code: it "
        "stands in one trend "
        f"with what hospitals send. Both pressures are one Observation ({PRESSURE_PANEL}) with two components.\n"
        "- The **form** is an Observation of its own (`urn:hub:form`): its value is the classification (控制满意), its "
        "note the other answers, line by line.\n"
        "- A form is known by its id, else its identifier (of a row: `number`, else who and which day). Sent again it "
        "takes the place of what it said before. A row takes back nothing that it is silent about; a response whose "
        "status is `amended` takes back the measurements that it no longer has, and `entered-in-error` all of them.",
        "## As FHIR",
        "`questionnaire` ends in the form's name (`urn:hub:form:hypertension`, `.../Questionnaire/hypertension`). "
        "An item is known by its `linkId`, else by its `text`: the English or the Chinese name below. A source with "
        "names of its own says them in two code tables beside its profile: `codes/form.csv` (canonical to form) and "
        "`codes/form-item.csv` (`q7` or `hypertension/q7` to the item's name). What nobody knows is "
        "kept in the response "
        "and told as `unaccounted-content`.",
        "## As CSV",
        "The columns below, under either name. A header that fits two forms alike is refused. These "
        "come first in every "
        "form; of `record_number` and `citizen_id` one is there:",
        table(
            ("column", "Chinese", "required"),
            [(f"`{one.name}`", "、".join((one.zh, *one.also)), "yes" if one.required else "") for one in PERSON],
        ),
        *(part for form in forms().values() for part in _form(form)),
        "## Write a form",
        table(("key", "meaning"), _KEYS),
    )


def _form(form: Form) -> tuple[str, str, str]:
    result = f"Its entry's value is `{form.result}`." if form.result else "It has no classification."
    heads = ("column, linkId", "Chinese", "required", "holds", "becomes")
    return f"## {form.name} ({form.zh})", f"{form.title}. {result}", table(heads, map(_item, form.items))


def _item(item: Item) -> tuple[str, str, str, str, str]:
    names = "、".join((item.zh, *item.also))
    return f"`{item.name}`", names, "yes" if item.required else "", _holds(item), _becomes(item)


def _holds(item: Item) -> str:
    said = _SAID[item.kind]
    if item.is_number:
        return f"{said}, {item.low:g} to {item.high:g} {item.unit}".strip()
    return (
        f"{said} {' '.join(f'`{code}` {word}' for code, word in item.choices.words.items())}" if item.choices else said
    )


def _becomes(item: Item) -> str:
    if item.loinc:
        return f"LOINC {item.loinc}" + (f" in {item.panel}" if item.panel else "")
    return f"`urn:hub:form-item` {item.name}" if item.observed else ""
