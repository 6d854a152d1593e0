"""The kinds of files, each told by its header row: the columns by their English and Chinese names.

``hub/docs/load-files.md`` explains every one of them to the people who fill them in; a test holds it to this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.files.cells import (
    ReadCell,
    read_choice,
    read_credit_code,
    read_day,
    read_instant,
    read_key,
    read_keys,
    read_number,
    read_text,
    read_texts,
    read_whole,
    read_yes,
)
from hub.message import Tells

MOST_SLOTS = 500
"""Slots of one session. A row that asks for more has its columns shifted."""

ORGANISATION_KINDS = {
    "hospital": "医院",
    "community-health-centre": "社区卫生服务中心",
    "clinic": "诊所",
    "alliance": "医联体",
    "other": "其他",
}
LEVELS = {"1": "一级", "2": "二级", "3": "三级"}
AUTHORITIES = {"county": "县级", "district": "区级", "city": "市级", "province": "省级"}
ROLES = {
    "family-doctor": "家庭医生",
    "nurse": "护士",
    "public-health-physician": "公卫医师",
    "specialist": "专科医生",
    "village-doctor": "乡村医生",
    "assistant": "助理",
}
MEMBER_ROLES = {"leader": "团队长", **ROLES}
AGREEMENT_KINDS = {"primary": "基本", "supplementary": "专病"}
PROVIDERS = {"team": "团队", "practitioner": "医生", "alliance": "医联体"}
CLIENTS = {"resident": "居民", "household": "家庭", "organisation": "单位"}
STATES = {"executed": "有效", "terminated": "终止", "cancelled": "作废"}
SESSION_KINDS = {"expert": "专家", "general": "普通", "examination": "检查", "bed": "床位"}
IDENTIFIER_KINDS = {
    "citizen-id": "居民身份证",
    "residence-permit": "港澳台居民居住证",
    "health-record-number": "健康档案编号",
    "inpatient-number": "住院号",
    "outpatient-number": "门诊号",
    "visit-card": "就诊卡号",
    "local-number": "本院患者号",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. A file may lack it, or leave its cells empty, unless it is `required`."""

    name: str
    zh: str
    read: ReadCell
    required: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FileKind:
    """One kind of file. `tells` is what a source must have a say in to send it; `key` the columns that no two rows
    share, none where rows belong together."""

    name: str
    zh: str
    tells: Tells
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    def named(self) -> Mapping[str, Column]:
        """The columns by both names, without regard to case."""
        return {name.casefold(): column for column in self.columns for name in (column.name, column.zh)}


ORGANISATIONS = FileKind(
    name="organisations",
    zh="机构",
    tells=Tells.DIRECTORY,
    key=("id",),
    columns=(
        Column("id", "代码", read_key, required=True),
        Column("name", "名称", read_text, required=True),
        Column("name_en", "英文名称", read_text),
        Column("kind", "类型", read_choice(ORGANISATION_KINDS), required=True),
        Column("level", "等级", read_choice(LEVELS)),
        Column("authority", "隶属", read_choice(AUTHORITIES)),
        Column("credit_code", "统一社会信用代码", read_credit_code),
        Column("alliance", "所属医联体", read_key),
        Column("phone", "电话", read_text),
    ),
)
PRACTITIONERS = FileKind(
    name="practitioners",
    zh="人员",
    tells=Tells.DIRECTORY,
    key=("id",),
    columns=(
        Column("id", "代码", read_key, required=True),
        Column("name", "姓名", read_text, required=True),
        Column("organisation", "机构", read_key, required=True),
        Column("role", "岗位", read_choice(ROLES), required=True),
        Column("title", "职称", read_text),
    ),
)
TEAMS = FileKind(
    name="teams",
    zh="团队",
    tells=Tells.DIRECTORY,
    key=("id",),
    columns=(
        Column("id", "代码", read_key, required=True),
        Column("name", "名称", read_text, required=True),
        Column("name_en", "英文名称", read_text),
        Column("organisation", "机构", read_key, required=True),
        Column("phone", "电话", read_text),
    ),
)
MEMBERS = FileKind(
    name="members",
    zh="团队成员",
    tells=Tells.DIRECTORY,
    key=("team", "practitioner"),
    columns=(
        Column("team", "团队", read_key, required=True),
        Column("practitioner", "人员", read_key, required=True),
        Column("role", "岗位", read_choice(MEMBER_ROLES), required=True),
        Column("since", "加入日期", read_day),
        Column("until", "离开日期", read_day),
    ),
)
AREAS = FileKind(
    name="areas",
    zh="网格",
    tells=Tells.DIRECTORY,
    key=("code",),
    columns=(
        Column("code", "网格编码", read_key, required=True),
        Column("name", "网格名称", read_text, required=True),
        Column("team", "团队", read_key, required=True),
    ),
)
AGREEMENTS = FileKind(
    name="agreements",
    zh="签约",
    tells=Tells.AGREEMENTS,
    columns=(
        Column("number", "协议编号", read_number, required=True),
        Column("kind", "协议类型", read_choice(AGREEMENT_KINDS), required=True),
        Column("provider_kind", "签约方类型", read_choice(PROVIDERS), required=True),
        Column("provider", "签约方", read_key, required=True),
        Column("client_kind", "服务对象类型", read_choice(CLIENTS), required=True),
        Column("client", "服务对象", read_number),
        Column("identifier_kind", "证件类型", read_choice(IDENTIFIER_KINDS), required=True),
        Column("identifier", "证件号码", read_number, required=True),
        Column("name", "姓名", read_text),
        Column("birth_date", "出生日期", read_day),
        Column("begins_on", "开始日期", read_day, required=True),
        Column("ends_on", "结束日期", read_day, required=True),
        Column("signed_on", "签约日期", read_day),
        Column("packages", "服务包", read_texts),
        Column("combination", "组合医院", read_keys),
        Column("status", "状态", read_choice(STATES)),
        Column("end_reason", "终止原因", read_text),
    ),
)
SESSIONS = FileKind(
    name="sessions",
    zh="号源",
    tells=Tells.SESSIONS,
    key=("number",),
    columns=(
        Column("number", "排班号", read_number, required=True),
        Column("kind", "号源类型", read_choice(SESSION_KINDS), required=True),
        Column("department", "科室", read_text, required=True),
        Column("doctor", "医生", read_text),
        Column("title", "职称", read_text),
        Column("speciality", "专长", read_text),
        Column("place", "地点", read_text),
        Column("fee", "费用", read_text),
        Column("starts_at", "开始时间", read_instant, required=True),
        Column("ends_at", "结束时间", read_instant, required=True),
        Column("slots", "号数", read_whole(1, MOST_SLOTS), required=True),
        Column("public_from", "公众放号时间", read_instant, required=True),
        Column("team_from", "团队放号时间", read_instant),
        Column("release_at", "转回公众时间", read_instant),
        Column("reserved", "团队号数", read_whole(0, MOST_SLOTS)),
        Column("active", "是否出诊", read_yes),
        Column("reason", "停诊原因", read_text),
    ),
)

FILE_KINDS = (ORGANISATIONS, PRACTITIONERS, TEAMS, MEMBERS, AREAS, AGREEMENTS, SESSIONS)
"""In the order in which their rows are sent: what others refer to comes first."""
