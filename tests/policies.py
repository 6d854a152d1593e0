"""A region that is not there, and what its site has set: the policies of the tests."""

from datetime import date
from pathlib import Path

import pytest

from hub.errors import Refused
from hub.policy import Programme, load_programme, policy_folders

OWN = policy_folders(None)
"""The hub's own policies."""
DAY = date(2026, 3, 2)

DOCUMENT = """\
region = "erzhou-2025"
division = "371000"
name = { zh = "二州", en = "Erzhou" }
title = { zh = "二州方案", en = "The plan of Erzhou" }
number = "二卫〔2025〕1号"
issued = 2025-02-03
issuers = ["二州市卫生健康委员会"]

[[rule]]
id = "slot-share"
standing = "stated"
binding = "must"
operator = ">="
value = "1/5"
unit = "share"
denominator = { zh = "专家号源", en = "expert slots" }
kinds = ["expert"]
clause = "一(二)"
printed = "不低于五分之一"
zh = "至少五分之一。"
en = "At least a fifth."

[[rule]]
id = "agreement-renewal-term"
standing = "stated"
binding = "may"
operator = "between"
value = 2
upper = 3
unit = "years"
clause = "二"
printed = "2-3年"
zh = "两年至三年。"
en = "Two to three years."

[[rule]]
id = "slot-release"
standing = "open"
binding = "must"
operator = "="
unit = "hours"
clause = "三"
printed = "及时退回"
zh = "未写。"
en = "Not said."

[[rule]]
id = "slot-share"
standing = "hearsay"
binding = "must"
operator = ">="
value = "0.5"
unit = "share"
denominator = { zh = "号源", en = "slots" }
kinds = ["general"]
clause = "一(三)"
printed = "一半"
zh = "据闻一半。"
en = "Half, it is said."
source = { zh = "传闻", en = "hearsay" }

[[rule]]
id = "referral-priority"
standing = "stated"
binding = "must"
clause = "四"
printed = "优先"
zh = "优先。"
en = "First."
"""

SET = """\
[[set]]
rule = "slot-share"
value = "0.25"
unit = "share"
kinds = ["expert", "bed"]
by = "二州市卫生健康委员会"
on = 2026-01-10
why = "会议商定。"

[[set]]
rule = "slot-release"
value = 1
unit = "days"
by = "二州市卫生健康委员会"
on = 2026-01-10
why = "前一日退回。"
"""


def folders(tmp_path: Path, document: str = DOCUMENT, overlay: str = "") -> list[Path]:
    """A hub's folder with one document, and a site's with what it has set."""
    (tmp_path / "own").mkdir(parents=True)
    (tmp_path / "site").mkdir()
    (tmp_path / "own" / "erzhou-2025.toml").write_text(document, encoding="utf-8")
    if overlay:
        (tmp_path / "site" / "erzhou-2025.toml").write_text(overlay, encoding="utf-8")
    return [tmp_path / "own", tmp_path / "site"]


def programme(tmp_path: Path, overlay: str = "") -> Programme:
    return load_programme("erzhou-2025", folders(tmp_path, overlay=overlay))


def refused_code(of: Programme, id: str, on: date = DAY, *, kind: str = "", authority: str = "") -> str:
    with pytest.raises(Refused) as refused:
        of.get(id, on, kind=kind, authority=authority)
    return refused.value.refusal.code
