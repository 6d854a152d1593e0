"""What a cell may hold: each reader takes the text of a filled cell and raises Fault where it does not fit."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from typing import Any, TypeAlias

from adapters.files.faults import Fault, Reason

ReadCell: TypeAlias = Callable[[str, timezone], Any]
"""Text and the source's time zone to a value."""

_LONGEST = 200
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NUMBER = re.compile(r"[^\s/\\]{1,64}")
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|年(\d{1,2})月(\d{1,2})日)")
_INSTANT = re.compile(r"(\S+?)(?:T|\s+)(\d{1,2}):(\d{2})(?::(\d{2}))?(Z|[+-]\d{2}:\d{2})?")
_CREDIT = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
_PARTS = re.compile(r"[;；]")
_PERIOD = re.compile(r"(\d{1,3})\s*(\D{1,3})")
_PERIOD_UNITS = {
    **dict.fromkeys(("d", "天", "日"), "d"),
    **dict.fromkeys(("wk", "周", "星期"), "wk"),
    **dict.fromkeys(("mo", "月", "个月"), "mo"),
    **dict.fromkeys(("a", "年"), "a"),
}
_ICD = re.compile(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,10})?[+*†]?([/+*][A-Z0-9./+*]{1,20})?")
_YES = frozenset({"true", "yes", "y", "1", "是"})
_NO = frozenset({"false", "no", "n", "0", "否"})
_FIRST_YEAR = 1900


def read_text(text: str, _: timezone) -> str:
    """One line of text, at most 200 characters."""
    if len(text) > _LONGEST:
        raise Fault(Reason(f"is longer than {_LONGEST} characters", f"超过 {_LONGEST} 个字符"))
    if not text.isprintable():
        raise Fault(Reason("holds a line break or a control character", "含有换行或控制字符"))
    return text


def read_key(text: str, _: timezone) -> str:
    """The short code of an organisation, practitioner or team."""
    if not _KEY.fullmatch(text):
        reason = Reason(
            "is no code: letters, digits, dot, hyphen and underscore, at most 64 of them",
            "不是有效代码：只能用字母、数字、点、连字符和下划线，最长 64 位",
        )
        raise Fault(reason)
    return text


def read_number(text: str, _: timezone) -> str:
    """A number of the sender's own: of an agreement, a household, a session, a person."""
    if not _NUMBER.fullmatch(text) or not text.isprintable():
        reason = Reason(
            "is no number: at most 64 characters, no blanks and no slashes", "不是有效编号：最长 64 位，不含空格和斜杠"
        )
        raise Fault(reason)
    return text


def read_keys(text: str, zone: timezone) -> tuple[str, ...]:
    """Several codes, separated by semicolons."""
    return tuple(read_key(part.strip(), zone) for part in _PARTS.split(text) if part.strip())


def read_texts(text: str, zone: timezone) -> tuple[str, ...]:
    """Several texts, separated by semicolons."""
    return tuple(read_text(part.strip(), zone) for part in _PARTS.split(text) if part.strip())


def read_credit_code(text: str, _: timezone) -> str:
    """A unified social credit code (GB 32100-2015: 18 characters, none of I O S V Z)."""
    if not _CREDIT.fullmatch(text):
        raise Fault(Reason("is no credit code of GB 32100 (18 characters)", "不是 GB 32100 统一社会信用代码（18 位）"))
    return text


def read_day(text: str, _: timezone) -> date:
    """A day: ``2026-01-05``, or ``2026/1/5`` and ``2026年1月5日`` as Excel in China writes it."""
    found = _DAY.fullmatch(text)
    if found is None:
        raise Fault(Reason("is no day; write it as 2026-01-05", "不是日期，请写作 2026-01-05"))
    return _day([int(part) for part in found.groups() if part is not None])


def _day(parts: list[int]) -> date:
    try:
        day = date(*parts)
    except ValueError:
        raise Fault(Reason("is a day that does not exist", "日期不存在")) from None
    if day.year < _FIRST_YEAR:
        raise Fault(Reason(f"is before {_FIRST_YEAR}", f"早于 {_FIRST_YEAR} 年"))
    return day


def read_instant(text: str, zone: timezone) -> datetime:
    """A time of a day: ``2026-03-02 08:00``, without a zone in the source's own."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise Fault(Reason("is no time; write it as 2026-03-02 08:00", "不是时间，请写作 2026-03-02 08:00"))
    day, hour, minute, second, named = found.groups()
    on = read_day(day, zone)
    try:
        at = datetime(on.year, on.month, on.day, int(hour), int(minute), int(second or 0), tzinfo=zone)
        return at if named is None else datetime.fromisoformat(f"{at:%Y-%m-%dT%H:%M:%S}{named.replace('Z', '+00:00')}")
    except ValueError:
        raise Fault(Reason("is a time that does not exist", "时间不存在")) from None


def read_moment(text: str, zone: timezone) -> date | datetime:
    """A day, or a time of a day where the sender knows it: a date keeps its precision."""
    return read_day(text, zone) if _DAY.fullmatch(text) else read_instant(text, zone)


def read_period(text: str, _: timezone) -> tuple[int, str]:
    """How often: ``2 wk``, ``2周``; the number and the unit of UCUM."""
    found = _PERIOD.fullmatch(text)
    unit = _PERIOD_UNITS.get(found[2].strip().casefold()) if found else None
    if found is None or unit is None or not int(found[1]):
        raise Fault(Reason("is no period; write it as 2 wk (d, wk, mo, a)", "不是周期，请写作 2周（天、周、月、年）"))
    return int(found[1]), unit


def read_diagnosis(text: str, _: timezone) -> str:
    """A code of ICD-10 as Chinese hospitals extend it: ``I63.900``, ``E11.900x001``, ``H36.0*``."""
    code = text.upper()
    if not _ICD.fullmatch(code):
        raise Fault(Reason("is no code of ICD-10", "不是 ICD-10 编码"))
    return text if "x" in text else code


def read_whole(least: int, most: int) -> ReadCell:
    """A whole number within bounds."""

    def read(text: str, _: timezone) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
            raise Fault(Reason(f"is no whole number from {least} to {most}", f"不是 {least} 至 {most} 的整数"))
        return int(text)

    return read


def read_yes(text: str, _: timezone) -> bool:
    """Yes or no."""
    word = text.casefold()
    if word not in _YES | _NO:
        raise Fault(Reason("is neither yes nor no", "应为“是”或“否”"))
    return word in _YES


def read_choice(words: Mapping[str, str], also: Mapping[str, str] | None = None) -> ReadCell:
    """One of the codes that `words` gives with their Chinese; either may stand in the cell. `also` are other spellings
    of them."""
    codes = {code.casefold(): code for code in words} | {chinese: code for code, chinese in words.items()}
    codes |= {spelling.casefold(): code for spelling, code in (also or {}).items()}

    def read(text: str, _: timezone) -> str:
        code = codes.get(text.casefold())
        if code is None:
            raise Fault(Reason(f"is not one of {', '.join(words)}", f"不是以下之一：{'、'.join(words.values())}"))
        return code

    return read
