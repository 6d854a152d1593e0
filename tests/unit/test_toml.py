"""TOML files that people write, and where they are at fault."""

from pathlib import Path

import pytest

from hub.toml import NotToml, read_toml

BROKEN = [
    ("in-the-middle", b"a = 1\nb = = 2\nc = 3\n", 2, "Invalid value"),
    ("at-the-end", b'a = 1\n\n[x]\nname = "no end\n', 4, ""),
    ("in-a-list-that-never-ends", b"a = [\n  1,\n  2,\n\n\n", 3, ""),
    ("not-utf-8", "甲 = 1\nb = '乙'\n".encode("gbk"), 1, "is not UTF-8 (byte 1)"),
    ("not-utf-8-below", b"a = 1\nb = '" + "乙".encode("gbk") + b"'\n", 2, "is not UTF-8 (byte 12)"),
]


@pytest.mark.parametrize(("content", "line", "said"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
def test_a_fault_is_told_with_its_line_also_where_the_file_ends_too_early(
    tmp_path: Path, content: bytes, line: int, said: str
) -> None:
    file = tmp_path / "source.toml"
    file.write_bytes(content)
    with pytest.raises(NotToml) as told:
        read_toml(file)
    assert (told.value.line, told.value.place("source.toml")) == (line, f"source.toml:{line}")
    assert said in told.value.en
    assert "(at " not in told.value.en
    assert told.value.zh


def test_a_file_that_is_not_there_is_told_without_a_line(tmp_path: Path) -> None:
    with pytest.raises(NotToml) as told:
        read_toml(tmp_path / "none.toml")
    assert told.value.place("none.toml") == "none.toml"


def test_a_byte_order_mark_and_line_ends_of_windows_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "source.toml"
    file.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = '''x\r\ny'''\r\n")
    assert read_toml(file)[1] == {"a": 1, "b": "x\ny"}
