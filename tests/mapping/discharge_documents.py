"""What a hospital writes of a stay that is over: summary, record, front page."""

from fixtures.county.documents import Operation, Said, Section, Stay, Together
from tests.mapping.document_parts import FRONT, STAY, a_document, diagnosis, text

ADMITTED = Section(code="46241-6", title="入院诊断", entries=(diagnosis("I63.900", "脑梗死", "入院诊断-西医诊断"),))
DISCHARGED = Section(
    code="11535-2",
    title="出院诊断",
    entries=(
        diagnosis("I63.900", "脑梗死", "出院诊断-西医诊断"),
        Said(
            element="DE05.10.130.00",
            label="出院诊断-中医病名代码",
            type="CD",
            code="BNZ080",
            system="2.3.3.14",
            value="中风病",
        ),
        Said(
            element="DE05.10.130.00",
            label="出院诊断-中医证候代码",
            type="CD",
            code="ZYFT00",
            system="2.3.3.14",
            value="风痰阻络证",
        ),
        text("DE04.01.117.00", "出院时症状与体征", "右侧肢体肌力Ⅳ级"),
        text("DE06.00.193.00", "出院情况", "好转"),
    ),
)
OPERATION = Operation(
    code="88.410",
    at="20260127100000",
    surgeon="冯远志",
    inside=(
        text("DE06.00.094.00", "手术操作名称", "脑动脉造影术"),
        Said(element="DE06.00.073.00", label="麻醉方法代码", type="CD", code="3", system="2.3.1.159", value="局部麻醉"),
        Said(element="DE05.10.147.00", label="切口愈合等级代码", type="CD", code="1", system="2.3.1.252", value="甲"),
    ),
)
COURSE = Section(
    code="8648-8",
    title="住院过程",
    entries=(
        text("DE06.00.296.00", "诊疗过程描述", "予抗血小板、调脂治疗。"),
        Said(element="DE06.00.310.00", label="实际住院天数", type="PQ", value="11", unit="d"),
    ),
)
ORDERS = Section(
    code="46209-3",
    title="医嘱",
    entries=(text("DE06.00.287.00", "出院医嘱", "阿司匹林100mg每日一次，两周后神经内科门诊复查"),),
)
DISCHARGE_SUMMARY = a_document(
    "C0053",
    "出院小结",
    (
        Section(
            code="11450-4",
            title="主要健康问题",
            entries=(text("DE05.10.148.00", "入院情况", "右侧肢体无力2小时"),),
            narrative="右侧肢体无力2小时入院。",
        ),
        ADMITTED,
        DISCHARGED,
        Section(code="47519-4", title="手术操作", entries=(OPERATION,)),
        COURSE,
        ORDERS,
        Section(
            code="30954-2",
            title="实验室检查",
            entries=((text("DE04.50.128.00", "阳性辅助检查结果", "头颅MRI：左侧基底节区急性梗死"),),),
        ),
    ),
)
DISCHARGE_RECORD = a_document(
    "C0049",
    "出院记录",
    (
        Section(
            code="11535-2",
            title="出院诊断",
            entries=(
                Said(
                    element="DE05.01.024.00",
                    label="入院诊断编码",
                    type="CD",
                    code="I63.900",
                    system=FRONT,
                    value="脑梗死",
                ),
                Said(element="DE06.00.092.00", label="入院日期时间", type="TS", value="20260126093000"),
                Said(
                    element="DE05.01.025.00",
                    label="出院诊断-西医诊断名称",
                    value="脑梗死恢复期",
                    inside=(
                        Said(
                            element="DE05.01.024.00",
                            label="出院诊断-西医诊断编码",
                            type="CD",
                            code="I69.300",
                            system=FRONT,
                            value="脑梗死后遗症",
                        ),
                    ),
                ),
                Said(element="DE06.00.017.00", label="出院日期时间", type="TS", value="20260206090000"),
                text("DE06.00.287.00", "出院医嘱", "低盐低脂饮食"),
            ),
        ),
    ),
    stay=Stay(number="260000205", places=STAY.places),
)


def _front_page_diagnosis(label: str, code: str, name: str) -> Together:
    return (
        text("DE05.01.025.00", f"{label}名称", name),
        Said(element="DE05.01.024.00", label=f"{label}疾病编码", type="CD", code=code, system=FRONT, value=name),
        Said(
            element="DE09.00.104.00", label=f"{label}-入院病情代码", type="CD", code="1", system="2.3.1.253", value="有"
        ),
    )


FRONT_PAGE = a_document(
    "C0032",
    "住院病案首页",
    (
        Section(
            code="11535-2",
            title="出院诊断",
            entries=(
                _front_page_diagnosis("出院诊断-主要诊断", "I63.900", "脑梗死"),
                _front_page_diagnosis("出院诊断-其他诊断", "I10.x00", "原发性高血压"),
                Said(
                    element="DE06.00.223.00",
                    label="离院方式",
                    type="CD",
                    code="3",
                    system="2.3.1.265",
                    value="医嘱转社区卫生服务机构",
                    inside=(text("DE08.10.013.00", "拟接受医疗机构名称", "东城街道社区卫生服务中心"),),
                ),
            ),
        ),
        Section(
            code="48765-2",
            title="过敏史",
            entries=(
                Said(element="DE02.10.023.00", label="药物过敏标志", type="BL", value="true", substance="磺胺类药物"),
            ),
        ),
        Section(
            code="30954-2",
            title="实验室检查",
            entries=(
                (
                    Said(
                        element="DE04.50.001.00",
                        label="ABO血型代码",
                        type="CD",
                        code="2",
                        system="2.3.1.85",
                        value="B型",
                    ),
                    Said(
                        element="DE04.50.010.00",
                        label="Rh血型代码",
                        type="CD",
                        code="2",
                        system="2.3.1.250",
                        value="阳性",
                    ),
                ),
            ),
        ),
        Section(code="47519-4", title="手术操作", entries=(OPERATION,)),
        Section(
            code="18776-5",
            title="治疗计划",
            entries=(
                Said(
                    element="DE06.00.194.00",
                    label="出院31d内再住院标志",
                    type="BL",
                    value="true",
                    inside=(text("DE06.00.195.00", "出院31d再住院目的", "复查脑血管造影"),),
                ),
            ),
        ),
        Section(
            code="48768-6",
            title="费用",
            entries=(
                Said(
                    element="DE07.00.007.00",
                    label="医疗付款方式代码",
                    type="CD",
                    code="1",
                    system="2.3.1.269",
                    value="城镇职工基本医疗保险",
                ),
                Said(element="HDSD00.11.142", label="住院总费用", type="MO", value="10234.5"),
            ),
        ),
    ),
    stay=Stay(
        began=STAY.began, ended=STAY.ended, number=STAY.number, places=("神经内科一病区", "神经内科"), source="1"
    ),
)
