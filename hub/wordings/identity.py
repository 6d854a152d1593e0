"""Refusals and findings about who is whom."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

IDENTITY: Mapping[str, Wording] = {
    "person-decided-apart": Wording(
        "What this message says would join two patients whom a person has decided to be different people, so their "
        "link stays as it is.",
        "该消息会把两名经人工判定为不同的患者归为一人，因此未改动其归属。",
        "If they are one person after all, undo the decision with `undoVerdict`, then replay the message.",
        "如确为同一人，请先用 undoVerdict 撤销该判定，再重放此消息。",
    ),
    "person-decided-together": Wording(
        "What this message says would part a patient from others whom a person has decided to be the same, so the link "
        "stays as it is.",
        "该消息会把经人工判定为同一人的患者分开，因此未改动其归属。",
        "If they are different people after all, undo the decision with `undoVerdict`, then replay the message.",
        "如确非同一人，请先用 undoVerdict 撤销该判定，再重放此消息。",
    ),
    "other-citizen-id": Wording(
        "{where}: another citizen ID number than before, under the same local number, name and birth date: taken for a "
        "correction. Both numbers lead to the resident now.",
        "{where}：公民身份号码与此前不同，但本院患者号、姓名、出生日期均相同，按更正处理；两个号码目前均指向该居民。",
        "Ask the sender which number is right; if they are two people, part them with `separatePatient`.",
        "请与发送方核实正确的号码；如确为两人，请用 separatePatient 拆分。",
    ),
    "resemblance-ended": Wording(
        "{where}: this patient had been linked to a resident by resemblance alone; the citizen ID number that came now "
        "is another person's, so the patient was parted from that resident.",
        "{where}：该患者此前仅凭信息相似归入某居民名下；现收到的公民身份号码属于另一人，已将其分开。",
        "Nothing has to be done. If the number is wrong, ask the sender to correct it.",
        "无需处理；如号码有误，请发送方更正。",
    ),
    "linked-by-numbers": Wording(
        "{where}: the message undoes a link, but these two patients are one resident by other means (a citizen ID "
        "number, a merge, a person's decision), so they stay together.",
        "{where}：该消息要求解除关联，但两名患者并非因关联消息归为一人（而是因公民身份号码、合并消息或人工判定），故未拆分。",
        "If they are two people, part them with `separatePatient`, and correct the number that is wrong at its sender.",
        "如确为两人，请用 separatePatient 拆分，并请发送方更正错误的号码。",
    ),
    "no-such-review": Wording(
        "There is no such review, or it is of people to whom you have no relation.",
        "没有该待核对项，或其中的居民与您没有服务关系。",
        "Ask `matchReviews` for those that wait for you.",
        "请用 matchReviews 查看待您核对的项目。",
    ),
    "review-ended": Wording(
        "This review has been decided already.",
        "该待核对项已有结论。",
        "Read it again with `matchReview`; to change the decision, undo it with `undoVerdict` first.",
        "请用 matchReview 重新查看；如需更改，请先用 undoVerdict 撤销原判定。",
    ),
    "no-such-patient": Wording(
        "There is no such patient, or it stands for a resident to whom you have no relation.",
        "没有该患者，或其所属居民与您没有服务关系。",
        "Take the id from `Resident.patients`.",
        "请使用 Resident.patients 给出的 id。",
    ),
    "nothing-to-part": Wording(
        "This patient is the only one of its resident, so there is nobody to part it from.",
        "该居民名下只有这一名患者，无需拆分。",
        "Read `Resident.patients` again: somebody may have parted them before you.",
        "请重新查看 Resident.patients：可能已有人完成拆分。",
    ),
    "team-measured": Wording(
        "What the resident's own team measured is nobody else's patient and cannot be parted from them.",
        "该患者是居民签约团队自测的数据，不能从居民名下拆出。",
        "Part the source's patient that does not belong here instead.",
        "请拆分不属于此居民的来源患者。",
    ),
    "no-such-verdict": Wording(
        "There is no such decision, or it is about people to whom you have no relation.",
        "没有该判定，或其中的居民与您没有服务关系。",
        "Take the id from `Resident.verdicts` or from the review.",
        "请使用 Resident.verdicts 或待核对项给出的 id。",
    ),
    "verdict-undone": Wording(
        "This decision was undone already.",
        "该判定已被撤销。",
        "Nothing has to be done.",
        "无需处理。",
    ),
    "bad-identity": Wording(
        "{where}: {reason}.",
        "{where}：{reason}。",
        "Correct the file; mappings/identity.toml shows every key.",
        "请修正该文件；全部可用的键见 mappings/identity.toml。",
    ),
    "nothing-to-match-by": Wording(
        "Nobody can be looked for by this: without a name, a number or a telephone there is nobody to compare with.",
        "缺少姓名、证件号码或电话，无法查找相似人员。",
        "Give a name with the birth date, a number, or a telephone.",
        "请提供姓名和出生日期，或证件号码，或电话号码。",
    ),
    "reason-needed": Wording(
        "A decision about who is whom needs a reason in words.",
        "人员归属的判定需要写明理由。",
        "Say in `reason` what you looked at: papers, a telephone call, the person themselves.",
        "请在 reason 中写明依据：证件、电话核实或当面核对。",
    ),
}
