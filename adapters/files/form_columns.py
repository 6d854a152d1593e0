"""The forms of public health as kinds of files: who it is and who asked, then the items of ``mappings/forms``."""

import re
from datetime import timezone
from unicodedata import normalize

from adapters.files.cells import ReadCell, read_choice, read_day, read_number, read_text
from adapters.files.faults import Fault, Reason
from adapters.files.kinds import SEXES, SEXES_WRITTEN, Column, FileKind
from hub.message import Tells
from hub.message.forms import Choices, Form, Item, forms

_DECIMAL = re.compile(r"\d{1,9}(\.\d{1,6})?")
_PARTS = re.compile(r"[;；、|]")
_RECORD = re.compile(r"\d{17}")
_DASHES = re.compile(r"[-\s]")


def read_record_number(text: str, _: timezone) -> str:
    """A health record number (居民健康档案编号): 17 digits. The eight that forms print do not tell who it is."""
    digits = _DASHES.sub("", normalize("NFKC", text))
    if not _RECORD.fullmatch(digits):
        raise Fault(Reason("is no health record number of 17 digits", "不是 17 位居民健康档案编号"))
    return digits


def read_measured(item: Item) -> ReadCell:
    """A number within the bounds of an item, as it is written: ``7.50``."""

    def read(text: str, _: timezone) -> str:
        said = normalize("NFKC", text).strip()
        if not _DECIMAL.fullmatch(said) or (item.kind == "whole" and "." in said):
            raise Fault(Reason("is no plain number", "不是数字"))
        if not item.low <= float(said) <= item.high:
            bounds, unit = f"{item.low:g} to {item.high:g}", f" {item.unit}" if item.unit else ""
            zh = f"不在 {item.low:g} 至 {item.high:g}{unit} 之间"
            raise Fault(Reason(f"is not within {bounds}{unit}", zh))
        return said

    return read


def read_several(choices: Choices) -> ReadCell:
    """Several answers of one list, apart by semicolons: their codes."""
    one = read_choice(choices.words, choices.also)

    def read(text: str, zone: timezone) -> tuple[str, ...]:
        if code := choices.find(text):  # its own words may hold a mark that parts others
            return (code,)
        return tuple(dict.fromkeys(one(part.strip(), zone) for part in _PARTS.split(text) if part.strip()))

    return read


def _reader(item: Item) -> ReadCell:
    if item.is_number:
        return read_measured(item)
    if item.choices:
        words, also = item.choices.words, item.choices.also
        return read_several(item.choices) if item.kind == "choices" else read_choice(words, also)
    return read_day if item.kind == "day" else read_text


PERSON = (
    Column("record_number", "健康档案编号", read_record_number, also=("档案编号",)),
    Column("citizen_id", "身份证号", read_number),
    Column("name", "姓名", read_text, required=True),
    Column("sex", "性别", read_choice(SEXES, SEXES_WRITTEN)),
    Column("birth_date", "出生日期", read_day),
    Column("phone", "电话", read_text, also=("联系电话",)),
    Column("address", "住址", read_text, also=("现住址",)),
    Column("number", "表单编号", read_number),
    Column("organisation", "填写机构", read_text, also=("随访机构",)),
    Column("doctor", "填写医生", read_text, also=("随访医生", "随访医生签名", "责任医生")),
)
"""Who it is, what the form is called by, and who filled it in: the same in every form."""


def kind_of(form: Form) -> FileKind:
    """A form as a kind of file. Its rows are told apart by person, day and number."""
    items = (Column(item.name, item.zh, _reader(item), required=item.required, also=item.also) for item in form.items)
    return FileKind(
        name=form.name,
        zh=form.zh,
        tells=Tells.RECORD,
        key=("record_number", "citizen_id", "number", form.day),
        single=True,
        columns=(*PERSON, *items),
    )


FORM_KINDS = tuple(kind_of(form) for form in forms().values())
