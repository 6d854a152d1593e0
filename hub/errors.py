"""Refusals: what was refused, where, and what to do next, in Chinese and English.

A refusal carries no personal data: `where` is a position (``PID-7``, ``Bundle.entry[2].resource.birthDate``) and
`given` holds only things that are not about a person (a message type, a code, a limit). So a refusal may be
logged, acknowledged and stored as it is.
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hub.wordings import WORDINGS
from hub.wordings.terms import in_chinese

Language = Literal["en", "zh"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One reason why something was not done. `code` is a key of `WORDINGS`."""

    code: str
    where: str = ""
    given: Mapping[str, str] = field(default_factory=dict)

    def message(self, language: Language = "en") -> str:
        """What is wrong, as a sentence."""
        wording = WORDINGS[self.code]
        return self._said(wording.en if language == "en" else wording.zh, language)

    def next_step(self, language: Language = "en") -> str:
        """What the reader can do about it, as a sentence."""
        wording = WORDINGS[self.code]
        return self._said(wording.next_en if language == "en" else wording.next_zh, language)

    def _said(self, text: str, language: Language) -> str:
        return text.format(where=self.where, **(self.given if language == "en" else in_chinese(self.given)))

    def __str__(self) -> str:
        return f"{self.message()} {self.next_step()}"


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """Raised where a refusal ends the work at hand."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def refuse(code: str, where: str = "", **given: str) -> Refused:
    """A `Refused` to raise: ``raise refuse("impossible-date", "PID-7")``."""
    return Refused(Refusal(code=code, where=where, given=given))


def places_of(fault: BaseException) -> list[str]:
    """Where a fault was raised, without its text: that may quote a person's data, and goes into no log."""
    return [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(fault.__traceback__)[-6:]]
