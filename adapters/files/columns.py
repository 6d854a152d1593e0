"""The kinds of files, each told by its header row: the columns by their English and Chinese names.

``hub/docs/load-files.md`` explains every one of them to the people who fill them in; a test holds it to this table.
"""

from adapters.files.cells import (
    read_choice,
    read_credit_code,
    read_day,
    read_diagnosis,
    read_instant,
    read_key,
    read_keys,
    read_moment,
    read_number,
    read_period,
    read_text,
    read_texts,
    read_whole,
    read_yes,
)
from adapters.files.form_columns import FORM_KINDS
from adapters.files.kinds import SEXES, SEXES_WRITTEN, Column, FileKind
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
DISPOSITIONS = {
    "1": "医嘱离院",
    "2": "医嘱转院",
    "3": "医嘱转社区卫生服务机构/乡镇卫生院",
    "4": "非医嘱离院",
    "5": "死亡",
    "9": "其他",
}
"""离院方式 (CV06.00.226), of the front page of an inpatient record."""
FOLLOW_UP_WAYS = {"1": "门诊", "2": "家庭", "3": "电话", "4": "短信", "5": "网络", "9": "其他"}
"""随访方式 (CV06.00.207)."""
PAYMENTS = {
    "1": "城镇职工基本医疗保险",
    "2": "城镇居民基本医疗保险",
    "3": "新型农村合作医疗",
    "4": "贫困救助",
    "5": "商业医疗保险",
    "6": "全公费",
    "7": "全自费",
    "8": "其他社会保险",
    "9": "其他",
}
"""医疗付费方式 of the front page; older exports write 01 to 09."""
READMISSION = {"no": "无", "yes": "有"}
"""出院31天内再住院计划: in words only. On the front page 1 is none and 2 some, in the insurance settlement list 1 is
some, and in the shared document it is true or false: a digit alone does not say which of these it is of."""
_READMISSION_WRITTEN = {"false": "no", "true": "yes", "1-无": "no", "2-有": "yes", "1无": "no", "2有": "yes"}
OTHER_DIAGNOSES = 5
"""Diagnoses besides the first one that a row has room for."""
IDENTIFIER_KINDS = {
    "citizen-id": "居民身份证",
    "residence-permit": "港澳台居民居住证",
    "health-record-number": "健康档案编号",
    "inpatient-number": "住院号",
    "outpatient-number": "门诊号",
    "visit-card": "就诊卡号",
    "local-number": "本院患者号",
}


ORGANISATIONS = FileKind(
    name="organisations",
    zh="机构",
    tells=Tells.DIRECTORY,
    key=("id",),
    single=True,
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
    single=True,
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
    single=True,
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

DISCHARGES = FileKind(
    name="discharges",
    zh="出院",
    tells=Tells.RECORD,
    key=("visit",),
    single=True,
    columns=(
        Column("patient", "患者号", read_number, required=True),
        Column("citizen_id", "身份证号", read_number),
        Column("name", "姓名", read_text, required=True),
        Column("sex", "性别", read_choice(SEXES, SEXES_WRITTEN)),
        Column("birth_date", "出生日期", read_day),
        Column("phone", "电话", read_text),
        Column("address", "住址", read_text),
        Column("visit", "住院流水号", read_number, required=True),
        Column("admitted_at", "入院时间", read_moment),
        Column("discharged_at", "出院时间", read_moment, required=True),
        Column("department", "出院科室", read_text),
        Column("disposition", "离院方式", read_choice(DISPOSITIONS)),
        Column("payment", "医疗付费方式", read_choice(PAYMENTS, {f"0{code}": code for code in PAYMENTS})),
        Column("readmission_planned", "出院31天内再住院计划", read_choice(READMISSION, _READMISSION_WRITTEN)),
        Column("readmission_purpose", "再住院目的", read_text),
        Column("diagnosis_code", "主要诊断编码", read_diagnosis),
        Column("diagnosis", "主要诊断", read_text),
        *(
            column
            for number in range(1, OTHER_DIAGNOSES + 1)
            for column in (
                Column(f"other_code_{number}", f"其他诊断编码{number}", read_diagnosis),
                Column(f"other_diagnosis_{number}", f"其他诊断{number}", read_text),
            )
        ),
        Column("follow_up_way", "随访方式", read_choice(FOLLOW_UP_WAYS)),
        Column("follow_up_on", "随访日期", read_day),
        Column("follow_up_every", "随访周期", read_period),
        Column("follow_up_note", "随访说明", read_text),
    ),
)

FILE_KINDS = (ORGANISATIONS, PRACTITIONERS, TEAMS, MEMBERS, AREAS, AGREEMENTS, SESSIONS, DISCHARGES, *FORM_KINDS)
"""In the order in which their rows are sent: what others refer to comes first."""
