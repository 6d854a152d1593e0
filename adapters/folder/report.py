"""What became of a file, as it lies beside it: for programs (JSON) and for people (Chinese, then English)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from hub.errors import Language, Refusal

SUFFIXES = {".report.json": "json", ".report.txt": "text"}
_MOST_LISTED = 10_000
"""Messages that a report lists one by one; the counts are of all."""
_MOST_TOLD = 200
"""Refusals that the text tells; the JSON has more."""


class Became(StrEnum):
    """What became of one message of a file."""

    KEPT = "kept"
    REPEAT = "repeat"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One message of a file. `id` is that of the message that now holds it; None where none does: a row that cannot be
    read stays in the file. A refused message with an id is kept and parked."""

    where: str
    became: Became
    id: UUID | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What became of a file. `faults` are about the file as a whole."""

    file: str
    source: str
    taken_at: datetime
    shape: str = ""
    lines: Sequence[Line] = ()
    faults: Sequence[Refusal] = ()

    @property
    def is_good(self) -> bool:
        """Whether anything of it was taken."""
        return any(line.became is not Became.REFUSED for line in self.lines)

    def count(self, became: Became) -> int:
        """How many of its messages became that."""
        return sum(line.became is became for line in self.lines)

    def written(self) -> dict[str, bytes]:
        """Both reports, by what is added to the file's name."""
        return {".report.json": self.json(), ".report.txt": self.text().encode("utf-8")}

    def json(self) -> bytes:
        """For programs. It names positions and ids, and no person."""
        ranked = sorted(self.lines, key=lambda line: line.became is not Became.REFUSED)[:_MOST_LISTED]
        content = {
            "file": self.file,
            "source": self.source,
            "takenAt": self.taken_at.isoformat(timespec="seconds"),
            "shape": self.shape,
            "messages": len(self.lines),
            **{became.value: self.count(became) for became in Became},
            "faults": [_shown(fault) for fault in self.faults],
            "listed": [
                {
                    "where": line.where,
                    "became": line.became.value,
                    **({"message": str(line.id)} if line.id else {}),
                    **(_shown(line.refusal) if line.refusal else {}),
                }
                for line in ranked
            ],
        }
        return orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"

    def text(self) -> str:
        """For people: Chinese first, English below."""
        return "\n".join([*self._told("zh"), "", *self._told("en"), ""])

    def _told(self, language: Language) -> Iterator[str]:
        counts = {became.value: self.count(became) for became in Became}
        at = self.taken_at.isoformat(sep=" ", timespec="seconds")
        yield _SAID["head"][language].format(file=self.file, source=self.source, at=at)
        yield _SAID["counts"][language].format(messages=len(self.lines), **counts)
        refused = [line for line in self.lines if line.became is Became.REFUSED]
        told = [("", fault) for fault in self.faults]
        told += [(line.where, line.refusal) for line in refused if line.refusal]
        for where, refusal in told[:_MOST_TOLD]:
            place = f"{where}: " if where else ""
            yield f"- {place}{refusal.message(language)} {refusal.next_step(language)}"
        if len(told) > _MOST_TOLD:
            yield _SAID["more"][language].format(count=len(told) - _MOST_TOLD)


_SAID: dict[str, dict[Language, str]] = {
    "head": {"zh": "文件 {file}，来源 {source}，接收于 {at}", "en": "File {file} of {source}, taken at {at}"},
    "counts": {
        "zh": "共 {messages} 条消息：已保存 {kept}，重复 {repeat}，被拒绝 {refused}",
        "en": "{messages} messages: {kept} kept, {repeat} repeats, {refused} refused",
    },
    "more": {"zh": "另有 {count} 条，见 .report.json", "en": "{count} more stand in the .report.json"},
}


def _shown(refusal: Refusal) -> dict[str, Any]:
    return {
        "code": refusal.code,
        "position": refusal.where,
        "zh": refusal.message("zh"),
        "nextZh": refusal.next_step("zh"),
        "en": refusal.message("en"),
        "nextEn": refusal.next_step("en"),
    }
