"""Documents of every kind that is read exactly, about one fictional person."""

from collections.abc import Mapping

from fixtures.county.documents import Document, Drug, Said, Section, Stay, Together
from tests.mapping.discharge_documents import DISCHARGE_RECORD, DISCHARGE_SUMMARY, FRONT_PAGE
from tests.mapping.document_parts import FRONT, INPATIENT, OUTPATIENT, STAY, UNDER_WAY, a_document, text

INSTRUCTIONS = a_document(
    "C0025",
    "出院评估与指导",
    (
        Section(
            code="11535-2",
            title="出院诊断",
            entries=(
                Said(element="DE05.01.024.00", label="", type="CD", code="I63.900", system="2.3.3.11", value="脑梗死"),
                Said(element="DE06.00.017.00", label="出院日期时间", type="TS", value="20260206090000"),
                text("DE056.00.193.00", "出院情况", "好转"),
            ),
        ),
        Section(
            code="69730-0",
            title="指导",
            entries=(
                text("DE06.00.299.00", "复诊指导", "两周后神经内科门诊复诊"),
                text("DE06.00.136.00", "用药指导", "阿司匹林每日一次，不可自行停药"),
                text("DE06.00.238.00", "生活方式指导", "戒烟限酒"),
            ),
        ),
    ),
    stay=Stay(number="260000205", began=STAY.began),
)
TREATMENT = a_document(
    "C0008",
    "治疗记录",
    (
        Section(
            code="11348-0",
            title="既往史",
            entries=(
                Said(
                    element="DE02.10.023.00",
                    label="过敏史标志",
                    type="BL",
                    value="true",
                    inside=(text("DE02.10.022.00", "过敏史", "青霉素"),),
                ),
            ),
        ),
        Section(
            code="8716-3",
            title="生命体征",
            entries=(
                Said(element="DE04.10.188.00", label="体重(kg)", type="PQ", value="68.50", unit="kg"),
                Said(element="DE04.10.174.00", label="收缩压", type="PQ", value="152", unit="mmHg"),
                Said(element="DE04.10.176.00", label="舒张压", type="PQ", value="94", unit="mmHg"),
            ),
        ),
        Section(
            code="18776-5",
            title="治疗计划",
            entries=(
                text("DE06.00.159.00", "今后治疗方案", "继续抗血小板治疗"),
                Said(
                    element="DE06.00.108.00",
                    label="随访方式",
                    type="CD",
                    code="3",
                    system="2.3.1.183",
                    value="电话",
                    at="20260220",
                    inside=(Said(element="DE06.00.112.00", label="随访周期建议", type="PQ", value="2", unit="周"),),
                ),
            ),
        ),
        Section(
            code="18610-6",
            title="用药",
            entries=(
                Drug(
                    name="阿司匹林肠溶片",
                    dose="100",
                    unit="mg",
                    route="1",
                    route_name="口服",
                    inside=(
                        text("DE06.00.136.00", "药物用法", "每晚一次"),
                        Said(element="DE06.00.133.00", label="药物使用频率", type="CD", code="QN", value="每晚一次"),
                        Said(element="DE06.00.135.00", label="药物使用总剂量", type="PQ", value="2800", unit="mg"),
                    ),
                ),
            ),
        ),
    ),
)
OUTPATIENT_RECORD = a_document(
    "C0002",
    "门(急)诊病历",
    (
        Section(
            code="48765-2",
            title="过敏史",
            entries=(
                Said(
                    element="DE02.10.023.00",
                    label="过敏史标志",
                    type="BL",
                    value="false",
                    inside=(text("DE02.10.022.00", "过敏史", "否认药物过敏史"),),
                ),
            ),
        ),
        Section(code="10154-3", title="主诉", entries=(text("DE04.01.119.00", "主诉", "头晕3天"),)),
        Section(
            code="29548-5",
            title="诊断",
            entries=(
                (
                    text("DE05.01.025.00", "初步诊断-西医诊断名称", "原发性高血压"),
                    Said(
                        element="DE05.01.024.00",
                        label="初步诊断-西医诊断编码",
                        type="CD",
                        code="I10",
                        system="2.3.1.85",
                    ),
                ),
            ),
        ),
    ),
    numbers=OUTPATIENT,
    stay=Stay(),
    signed_by="",
    written="20260310093000",
)
SUMMARY = a_document(
    "C0001",
    "病历概要",
    (
        Section(
            code="11348-0",
            title="既往史",
            entries=(
                text("DE02.10.026.00", "疾病史(含外伤)", "高血压10年"),
                text("DE02.10.061.00", "手术史", "阑尾切除术"),
            ),
        ),
        Section(code="48765-2", title="过敏史", entries=(text("DE02.10.022.00", "过敏史", "否认药物、食物过敏史"),)),
        Section(code="10157-6", title="家族史", entries=(text("DE02.10.103.00", "家族史", "父亲患高血压"),)),
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
                ),
            ),
        ),
    ),
    numbers=(("2", "37109910210100016"), *INPATIENT),
    stay=Stay(),
    signed_by="",
)


def _item(name: str, value: str, unit: str, flag: str, **more: str) -> Together:
    return (
        Said(element="DE04.30.019.00", label="检验项目代码", value=name, at="20260127080000"),
        Said(
            element="DE04.30.015.00",
            label="检验定量结果",
            value=value,
            type=more.get("type", "REAL"),
            inside=(text("DE04.30.016.00", "检查定量结果计量单位", unit),) if unit else (),
        ),
        Said(element="DE04.30.017.00", label="检验结果代码", type="CD", code="2", system="2.3.2.38", value=flag),
    )


LABORATORY = a_document(
    "C0007",
    "检验报告",
    (
        Section(
            code="30954-2",
            title="实验室检查",
            entries=(
                text("DE04.30.018.00", "检验类别", "生化"),
                _item("空腹血糖", "9.40", "mmol/L", "异常"),
                _item("肌钙蛋白I", "<0.01", "ng/mL", "正常", type="ST"),
                _item("尿蛋白", "阳性(2+)", "", "异常", type="ST"),
            ),
        ),
        Section(
            code="报告", title="检验报告", entries=(text("DE04.50.130.00", "检验报告结果", "血糖升高，建议复查。"),)
        ),
    ),
    numbers=(*INPATIENT, ("33", "JY20260127001"), ("24", "SQ20260127001")),
    written="20260127110000",
    stay=UNDER_WAY,
)
EXAMINATION = a_document(
    "C0006",
    "检查报告",
    (
        Section(code="10154-3", title="主诉", entries=(text("DE04.01.119.00", "主诉", "右侧肢体无力"),)),
        Section(
            code="29548-5",
            title="诊断",
            entries=(
                Said(
                    element="DE05.01.024.00", label="诊断代码", type="CD", code="I63.900", system=FRONT, value="脑梗死"
                ),
            ),
        ),
        Section(
            code="29545-1",
            title="体格检查",
            entries=(
                text("DE04.30.018.00", "检查类别", "磁共振"),
                (
                    Said(element="DE04.30.019.00", label="检查项目代码", value="头颅MRI平扫", at="20260126140000"),
                    Said(
                        element="DE04.30.017.00",
                        label="检查结果代码",
                        type="CD",
                        code="2",
                        system="2.3.2.38",
                        value="异常",
                    ),
                ),
            ),
        ),
        Section(
            code="检查报告",
            title="检查报告",
            entries=(
                text("DE04.50.131.00", "检查报告结果-客观所见", "左侧基底节区见片状长T1长T2信号"),
                text("DE04.50.131.00", "检查报告结果-主观提示", "左侧基底节区急性脑梗死"),
                text("DE08.10.026.00", "检查报告科室", "影像科"),
            ),
        ),
    ),
    numbers=(*INPATIENT, ("32", "JC20260126001")),
    written="20260126150000",
    stay=UNDER_WAY,
)
DOCUMENTS: Mapping[str, Document] = {
    document.kind: document
    for document in (
        *(SUMMARY, OUTPATIENT_RECORD, EXAMINATION, LABORATORY, TREATMENT),
        *(INSTRUCTIONS, FRONT_PAGE, DISCHARGE_RECORD, DISCHARGE_SUMMARY),
    )
}
"""One of each kind that ``mappings/cda/documents.toml`` calls exact."""
