"""How messages are shown to people at a terminal: two lines each in a list, one after the other taken apart."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.cells import cell_len, set_cell_size
from sqlalchemy import RowMapping

from hub.anatomy import Anatomy, Became, Evidence, SegmentSeen
from hub.days import CHINA
from hub.errors import Language, Refusal
from hub.identity import SENTENCES, Reason
from hub.store import inbox

WIDTH = 80
Json = dict[str, Any]

SAID: Mapping[str, Mapping[Language, str]] = {
    "more": {"zh": "还有更早的消息：--after {after}", "en": "There are older ones: --after {after}"},
    "none": {"zh": "没有符合条件的消息。", "en": "No message fits."},
    "looked": {
        "zh": "已查看 {looked} 条消息的内容，最早至 {until}。",
        "en": "Looked through {looked} messages, back to {until}.",
    },
    "kept": {"zh": "已接收", "en": "received"},
    "parked": {"zh": "被搁置", "en": "parked"},
    "merged": {"zh": "已合并", "en": "merged"},
    "waits": {"zh": "等待合并", "en": "waits to be merged"},
    "retried": {"zh": "稍后重试", "en": "put off"},
    "replayed": {"zh": "重放", "en": "replayed"},
    "repeats": {"zh": "相同内容又收到 {count} 次，最近 {at}", "en": "came again {count} times, last at {at}"},
    "by": {"zh": "由 {by}", "en": "by {by}"},
    "timeline": {"zh": "经过", "en": "Timeline"},
    "problems": {"zh": "问题", "en": "Problems"},
    "segments": {"zh": "内容", "en": "Segments"},
    "unread": {"zh": "没有映射规则读取的字段", "en": "Fields that no mapping row reads"},
    "became": {"zh": "按现行映射成为", "en": "What it becomes, by the mapping as it is now"},
    "touched": {"zh": "已写入", "en": "What it wrote"},
    "charset": {"zh": "字符集", "en": "character set"},
    "gone": {"zh": "原始字节已过保存期限，不再保存。", "en": "Its bytes are no longer kept."},
    "masked": {
        "zh": "个人信息已遮盖；如需查看，用 --reveal 写明理由。",
        "en": "What it says of people is masked; --reveal REASON shows it.",
    },
    "declared": {"zh": "{where} 声明", "en": "declared in {where}"},
    "ascii": {"zh": "全部为 ASCII", "en": "all of it is ASCII"},
    "valid-utf-8": {"zh": "字节为有效的 UTF-8", "en": "its bytes are valid UTF-8"},
    "profile": {"zh": "来源配置", "en": "by the source's profile"},
    "default": {"zh": "默认", "en": "by default"},
    "undecodable": {"zh": "无法解码", "en": "cannot be decoded"},
    "merges": {"zh": "来源合并的患者：{count}", "en": "patients that the source merges: {count}"},
    "patient": {"zh": "患者 {number}", "en": "patient {number}"},
    "resident": {"zh": "居民", "en": "resident"},
}


def shown_at(at: datetime | None) -> str:
    """A moment in China's time."""
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S") if at else "-"


def as_listed(row: RowMapping, language: Language) -> Json:
    """A message of a list, as JSON: nothing of it is a patient's."""
    refusal = inbox.refusal_from(row["refusal"])
    return {
        "id": str(row["id"]),
        "received_at": row["received_at"].isoformat(timespec="seconds"),
        "source": row["source"] or "?",
        "transport": row["transport"],
        "format": row["format"],
        "kind": row["kind"],
        "control_id": row["control_id"],
        "size": row["size"],
        "fate": row["fate"],
        "attempts": row["attempts"],
        "tries": row["tries"],
        "retry_at": row["retry_at"].isoformat(timespec="seconds") if row["retry_at"] else None,
        "repeats": row["repeats"],
        **refusal_shown(refusal, language),
        "findings": row["findings"] or [],
    }


def refusal_shown(refusal: Refusal | None, language: Language) -> Json:
    """A refusal as JSON; its texts are empty where there is none."""
    return {
        "code": refusal.code if refusal else "",
        "where": refusal.where if refusal else "",
        "reason": refusal.message(language) if refusal else "",
        "next_step": refusal.next_step(language) if refusal else "",
    }


def list_lines(row: Mapping[str, Any]) -> Iterator[str]:
    """A message of a list on two lines of a terminal."""
    at = shown_at(datetime.fromisoformat(row["received_at"]))
    repeats = f" +{row['repeats']}" if row["repeats"] else ""
    yield cut(f"{at}  {row['fate']:<6}  {row['source']}  {row['kind'] or '-'}  {row['control_id']}{repeats}")
    found = [one["code"] for one in row["findings"]]
    yield cut(f"  {row['id']}  {row['reason'] or ', '.join(dict.fromkeys(found))}")


def cut(line: str, width: int = WIDTH) -> str:
    """A line that fits a terminal: a Chinese character takes two cells."""
    line = line.rstrip()
    return line if cell_len(line) <= width else set_cell_size(line, width - 1).rstrip() + "…"


# -- one message -----------------------------------------------------------------------------------------------------


def timeline(row: RowMapping, steps: Sequence[RowMapping]) -> list[Json]:
    """What happened to a message, the first first: `at`, `step`, `by`, `code`."""
    told: list[Json] = [{"at": row["received_at"], "step": "kept", "by": row["transport"], "code": ""}]
    told += [{name: step[name] for name in ("at", "step", "by", "code")} for step in steps]
    refusal = row["refusal"] or {}
    if row["fate"] == "parked" and not any(step["step"] == "parked" for step in steps):  # by the door, as it came
        told.append(
            {"at": row["received_at"], "step": "parked", "by": row["transport"], "code": refusal.get("code", "")}
        )
    if row["fate"] == "merged":
        told.append({"at": row["changed_at"], "step": "merged", "by": "hub", "code": ""})
    return sorted(told, key=lambda one: one["at"])


def timeline_lines(told: Iterable[Json], row: RowMapping, language: Language) -> Iterator[str]:
    """The timeline at a terminal."""
    for one in told:
        words = (shown_at(one["at"]), SAID[one["step"]][language], one["code"], one["by"])
        yield "  " + "  ".join(word for word in words if word)
    if row["fate"] == "kept":
        until = f" ({shown_at(row['retry_at'])})" if row["retry_at"] else ""
        yield f"  {SAID['waits'][language]}{until}"
    if row["repeats"]:
        yield "  " + SAID["repeats"][language].format(count=row["repeats"], at=shown_at(row["repeated_at"]))


def problem_lines(refusals: Iterable[Refusal], language: Language) -> Iterator[str]:
    """Refusals with what to do about each."""
    for refusal in refusals:
        yield f"  {refusal.code}  {refusal.where}".rstrip()
        yield f"    {refusal.message(language)}"
        yield f"    {refusal.next_step(language)}"


def evidence_line(evidence: Evidence, language: Language) -> str:
    """In which character set a message was read, and why."""
    why = SAID[evidence.because][language].format(where=evidence.where)
    return f"{SAID['charset'][language]}: {evidence.codec or SAID['undecodable'][language]} ({why})"


def reading_lines(anatomy: Anatomy) -> Iterator[str]:
    """The text around a byte that cannot be read, in each character set."""
    for one in anatomy.readings:
        yield f"  {one.codec}: …{one.before}[{one.at}]{one.after}…  ({one.undecodable} B ?)"


def segment_lines(segments: Iterable[SegmentSeen]) -> Iterator[str]:
    """Segments with the names of their fields."""
    for segment in segments:
        yield f"  {segment.where}"
        for one in segment.fields:
            yield f"    {one.position:<10} {one.name or '?'}: {one.value}"


def became_lines(became: Iterable[Became], language: Language) -> Iterator[str]:
    """Resources, and for each element the field and the mapping row that it comes from."""
    for one in became:
        of = SAID["patient"][language].format(number=one.patient) if one.patient else ""
        yield f"  {one.kind}  {one.path}  {one.row}  {of}".rstrip()
        for element in one.elements:
            codes = f" [{element.codes}]" if element.codes else ""
            yield f"    {element.target} = {element.value}"
            yield f"      {element.path}  {element.row}{codes}"
        for flag in one.flags:
            yield f"    ! {flag.code}  {flag.where}  {flag.table}".rstrip()


def touched_lines(touched: Iterable[RowMapping], language: Language) -> Iterator[str]:
    """What a message wrote, by resident."""
    seen: dict[Any, list[RowMapping]] = {}
    for row in touched:
        seen.setdefault(row["resident_id"], []).append(row)
    for resident, rows in seen.items():
        yield f"  {SAID['resident'][language]} {resident}"
        yield f"    {reason_of(rows[0]['reason'], language)}"
        yield from (f"    {row['kind']}  {row['path']}  {row['row']}" for row in rows)


def reason_of(reason: str, language: Language) -> str:
    """Why a patient is linked to a resident, as a sentence."""
    english, chinese = SENTENCES[Reason(reason)]
    return english if language == "en" else chinese


def anatomy_json(anatomy: Anatomy, language: Language) -> Json:
    """A message taken apart, as JSON."""
    evidence = anatomy.evidence
    return {
        "charset": {"codec": evidence.codec, "because": evidence.because, "where": evidence.where}
        if evidence
        else None,
        "segments": [asdict(one) for one in anatomy.segments],
        "becomes": [asdict(one) for one in anatomy.became],
        "unread": list(anatomy.unread),
        "merges": anatomy.merges,
        "now": refusal_shown(anatomy.refusal, language) if anatomy.refusal else None,
        "readings": [asdict(one) for one in anatomy.readings],
        "findings_now": [refusal_shown(one, language) for one in anatomy.findings],
    }
