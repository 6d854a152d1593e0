"""What is wrong with a file, said in both languages at its file, line and column. No value of a cell is repeated."""

from dataclasses import dataclass

from hub.errors import Refusal


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is not taken, without a full stop: it ends a sentence that begins with the place."""

    en: str
    zh: str


class Fault(Exception):  # noqa: N818 - carried to where the line is known
    """Raised where a cell, a header or a file cannot be taken; `column` is "" where it is about a whole line."""

    def __init__(self, reason: Reason, column: str = "", line: int = 1) -> None:
        super().__init__(reason.en)
        self.reason, self.column, self.line = reason, column, line


def bad_file(file: str, fault: Fault, line: int | None = None) -> Refusal:
    """The refusal (bad-file) at ``agreements.csv:14 [birth_date]``; `line` where the fault does not know its own."""
    where = f"{file}:{line or fault.line}"
    return Refusal(
        code="bad-file",
        where=f"{where} [{fault.column}]" if fault.column else where,
        given={"en": fault.reason.en, "zh": fault.reason.zh},
    )
