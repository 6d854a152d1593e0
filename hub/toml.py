"""TOML files as people write them: text and content, or what is wrong with them and where."""

import re
import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


class NotToml(Exception):  # noqa: N818 - says what is so
    """Why a file cannot be read. `line` counts from 1; 0: it has none to name. `en` and `zh` say what is wrong."""

    def __init__(self, line: int, en: str, zh: str) -> None:
        super().__init__(en)
        self.line, self.en, self.zh = line, en, zh

    def place(self, file: object) -> str:
        """``FILE:LINE``."""
        return f"{file}:{self.line}" if self.line else f"{file}"


def read_toml(file: Path | Traversable) -> tuple[str, dict[str, Any]]:
    """A file's text and what it says; a byte-order mark is passed over. Raises NotToml."""
    try:
        raw = file.read_bytes()
    except OSError as fault:
        raise NotToml(0, f"cannot be read ({fault.strerror})", f"无法读取（{fault.strerror}）") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line, at = raw.count(b"\n", 0, fault.start) + 1, fault.start + 1
        raise NotToml(line, f"is not UTF-8 (byte {at})", f"不是 UTF-8 编码（第 {at} 字节）") from None
    text = text.replace("\r\n", "\n")
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        said = str(fault)
        found = _LINE.search(said)
        line = int(found[1]) if found and found[1] else len(text.rstrip().splitlines()) or 1
        why = _LINE.sub("", said)
        raise NotToml(line, f"is no TOML: {why}", f"不符合 TOML 语法：{why}") from None


def line_of(text: str, key: str, table: str = "") -> int:
    """The line of a key within its table, of the table where the key is not in it, else the first."""
    now, place = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if head := re.match(r"\s*\[\s*([\w-]+)\s*\]", line):
            now = head[1]
            place = number if now == (table or key) else place
        elif now == table and re.match(rf"\s*{re.escape(key)}(?:_\w+)?\s*=", line):
            return number
        elif not now and table and re.match(rf"\s*{table}\s*[.=]", line):
            place = number
    return place
