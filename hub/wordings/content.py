"""Refusals of what a message says."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

CONTENT: Mapping[str, Wording] = {
    "impossible-date": Wording(
        "{where} is not a date of the calendar.",
        "{where} 不是有效的日历日期。",
        "Send {where} as YYYYMMDD[HHMMSS] with a day that exists.",
        "请按 YYYYMMDD[HHMMSS] 填写真实存在的日期。",
    ),
    "wrong-check-digit": Wording(
        "{where} is declared a citizen ID number and does not fit GB 11643 (length, birth date or check digit).",
        "{where} 声明为公民身份号码，但不符合 GB 11643（长度、出生日期或校验码）。",
        "Correct the number at the sender, or send it under the identifier type that it really is.",
        "请在发送方更正号码，或改用其实际的证件类型发送。",
    ),
    "another-persons-number": Wording(
        "{where}: the source's own number names a patient whose citizen ID number is another than the one sent.",
        "{where}：该本院患者号此前对应的公民身份号码与本次所报不同。",
        "Correct the number that is wrong at the sender; if the number went to another person, send it under a new "
        "one. Then send again.",
        "请在发送方更正错误的号码；若该患者号已改由他人使用，请换用新的患者号后重新发送。",
    ),
    "no-patient": Wording(
        "{where} names no patient: none of its identifiers is declared in the source profile.",
        "{where} 未能指明患者：来源配置未声明其中任何一种标识。",
        "Send a local patient number, or add its type to `identifiers` in the source profile, then replay.",
        "请发送本地患者号，或在来源配置的 identifiers 中登记其类型，然后重放。",
    ),
    "no-merged-patient": Wording(
        "{where} names no prior patient to merge.",
        "{where} 未指明被合并的患者。",
        "Send the number that is given up in MRG-1 and the one that stays in PID-3.",
        "请在 MRG-1 中填写作废号码，在 PID-3 中填写保留号码。",
    ),
    "no-linked-patient": Wording(
        "{where} is missing: a link needs two patients.",
        "缺少 {where}：关联需要两名患者。",
        "Send both patients, each with a PID of its own.",
        "请发送两名患者，各自使用一个 PID 段。",
    ),
    "linked-persons-differ": Wording(
        "{where}: the two patients hold different citizen ID numbers and are not linked.",
        "{where}：两名患者的公民身份号码不同，未予关联。",
        "Correct the number that is wrong at the sender, then send the link again; if both are right, they are two "
        "people.",
        "请在发送方更正错误的号码后重新发送关联消息；若两个号码均正确，则为不同的两人，请勿关联。",
    ),
    "move-by-hand": Wording(
        "{where}: {type} moves a number or an account to another person, and does not say which visits belong to it.",
        "{where}：{type} 要求将号码或账户转给他人，但未说明涉及哪些就诊。",
        "Nothing was moved and the message is kept. Send an A45 for each visit that moves, or cancel the visits of the "
        "wrong patient (A11 or A23) and send them again under the right one.",
        "未作任何变更，消息已保存。请逐次就诊发送 A45，或取消错误患者名下的就诊（A11 或 A23）后以正确患者重新发送。",
    ),
    "stay-not-named": Wording(
        "The document is about a stay and names it by no number, so it tells of no stay. Its diagnoses, results and "
        "requests are in the record; no follow-up comes of them.",
        "该文书涉及一次住院，但未给出住院的编号，因此不据此登记住院。其诊断、结果与随访要求已入档，但不会产生随访任务。",
        "Send the visit's number in componentOf/encompassingEncounter/id, as PV1-19 has it, or say in the source's "
        "profile by which number its documents name a stay (visit_by).",
        "请在 componentOf/encompassingEncounter/id 中给出与 PV1-19 一致的就诊号，"
        "或在来源配置 visit_by 中指明文书以何号码标识住院。",
    ),
    "visit-moved-alone": Wording(
        "The visit in {where} went to another patient. Its results, diagnoses and documents stay where they are.",
        "{where} 所指就诊已转至另一患者，其检验结果、诊断与文书仍留在原档案中。",
        "Send what belongs to the visit again under the right patient, and take it back under the wrong one (OBX-11 W, "
        "DG1-21 D, TXA T11).",
        "请以正确患者重新发送属于该就诊的内容，并在错误患者名下撤回（OBX-11 为 W、DG1-21 为 D、T11）。",
    ),
    "mapped-resource-invalid": Wording(
        "{where} gives a {kind} without {element}, which FHIR R4B requires: it is left out, the rest goes on.",
        "{where} 得到的 {kind} 缺少 FHIR R4B 必填的 {element}，未写入档案；消息的其余内容已写入。",
        "Send the message again with the field that {element} is read from.",
        "请补充 {element} 对应的字段后重新发送。",
    ),
    "not-in-directory": Wording(
        "{where} tells of a {kind}, which the directory does not keep.",
        "{where} 提供了 {kind}，目录不保存此类内容。",
        "Nothing is lost: the message is kept. Places are named in each visit (PV1-3); nobody has to send them again.",
        "内容没有丢失，消息已保存。就诊地点由各次就诊消息（PV1-3）给出，无需重新发送。",
    ),
    "not-conformant": Wording(
        "{where}: {reason}.",
        "{where}：{reason}。",
        "Compare {where} with the HL7 version that MSH-12 names.",
        "请对照 MSH-12 所示 HL7 版本核对 {where}。",
    ),
}
