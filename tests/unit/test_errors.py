"""A refusal says what is wrong and what to do, in both languages, and nothing about a person."""

import re
import string

import pytest

from hub.errors import Refusal, Refused, refuse
from hub.wordings import WORDINGS

LATIN_AND_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", WORDINGS)
def test_every_wording_is_whole_in_both_languages(code: str) -> None:
    wording = WORDINGS[code]
    for text in (wording.en, wording.next_en):
        assert text.endswith((".", "?"))
        assert not LATIN_AND_CHINESE.search(text)
    for text in (wording.zh, wording.next_zh):
        assert LATIN_AND_CHINESE.search(text) or places(text)
        assert text.endswith("。")


@pytest.mark.parametrize("code", WORDINGS)
def test_both_languages_say_the_same_things(code: str) -> None:
    """A reason that comes in both languages fills `{en}` of the one and `{zh}` of the other."""
    wording = WORDINGS[code]
    assert places(wording.en + wording.next_en) - {"en"} == places(wording.zh + wording.next_zh) - {"zh"}


@pytest.mark.parametrize("code", WORDINGS)
def test_every_wording_is_said_with_what_it_is_given(code: str) -> None:
    wording = WORDINGS[code]
    names = set().union(*(places(text) for text in (wording.en, wording.zh, wording.next_en, wording.next_zh)))
    refusal = Refusal(code=code, where="PID-7", given={name: f"<{name}>" for name in names - {"where"}})
    for language in ("en", "zh"):
        said = refusal.message(language) + refusal.next_step(language)
        assert "{" not in said
        assert all(f"<{name}>" in str(refusal) + refusal.message("zh") + said for name in names - {"where"})


def test_a_refusal_is_raised_with_its_sentences() -> None:
    raised = refuse("impossible-date", "PID-7")
    assert isinstance(raised, Refused)
    assert str(raised) == (
        "PID-7 is not a date of the calendar. Send PID-7 as YYYYMMDD[HHMMSS] with a day that exists."
    )
