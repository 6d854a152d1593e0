"""What a walk has left over: the fields of a message that say something which nothing has read and nobody ignores."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from hub.mapping.codes import CodeTable
from hub.mapping.ignoring import Ignored
from hub.message import V2Message
from hub.record import Unaccounted

Fields = Collection[tuple[int, int]]
"""Fields by the line of their segment and their number."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """How the fields of a source's messages are accounted for."""

    tables: Mapping[str, CodeTable]
    ignored: Ignored

    def left_over(self, message: V2Message, read: Fields) -> Iterator[Unaccounted]:
        """The fields that are neither among those that were `read` nor ignored for a reason."""
        for segment in message.segments:
            for number, text in enumerate(segment.fields):
                if not text or not number or (segment.line, number) in read:
                    continue
                if self.ignored.reason_for(segment.name, number) is None and not self._is_silent(message, text):
                    yield Unaccounted(
                        where=f"{segment.where}-{number}",
                        field=f"{segment.name}-{number}",
                        is_clinical=segment.name in self.ignored.clinical,
                    )

    def _is_silent(self, message: V2Message, text: str) -> bool:
        """Whether a field holds nothing but separators, blanks and placeholders (无)."""
        marks = message.delimiters
        for mark in (marks.repetition, marks.subcomponent):
            text = text.replace(mark, marks.component)
        silent = self.tables["placeholder"].codes
        return all(not part.strip(' "') or part.strip() in silent for part in text.split(marks.component))
