"""Refusals about follow-up after discharge."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

FOLLOWUPS: Mapping[str, Wording] = {
    "bad-ladder": Wording(
        "{where}: {reason}.",
        "{where}：随访规则文件有误（{reason}）。",
        "Correct that line; mappings/policies/follow-up.toml shows how the file is written.",
        "请更正该行；写法见 mappings/policies/follow-up.toml。",
    ),
    "plan-still-due": Wording(
        "Some of this plan is still due.",
        "该随访计划仍有未完成的随访。",
        "Complete its follow-ups, or give them up with a reason.",
        "请完成各次随访，或注明原因后按失访处理。",
    ),
    "follow-up-too-early": Wording(
        "This follow-up is due from {from} on.",
        "该随访自 {from} 起方可完成。",
        "Wait for that day, or move it to an earlier one with a reason. An attempt can be noted at any time.",
        "请在该日之后完成，或说明原因改期提前；联系情况可随时记录。",
    ),
    "nobody-reached": Wording(
        "Nobody was reached so far, and this does not say how the resident was.",
        "此前未联系上居民，本次亦未写明联系方式。",
        "Say in `way` how the resident was reached.",
        "请在 way 中填写联系上居民的方式。",
    ),
    "not-lost-yet": Wording(
        "It takes {attempts} failed attempts on {days} different days, each of {ways} among them; there are {tried}.",
        "按失访处理需在 {days} 个不同日期内至少 {attempts} 次联系未果，且包括 {ways}；目前为 {tried} 次。",
        "Try again, another way, and note each attempt with recordContact.",
        "请以其他方式再次联系，并用 recordContact 记录每次联系。",
    ),
    "bad-window": Wording(
        "The last day comes before the first.",
        "截止日期早于起始日期。",
        "Give dueFrom and dueUntil in order; they may be the same day.",
        "请按先后填写 dueFrom 与 dueUntil，可为同一天。",
    ),
    "window-over": Wording(
        "It cannot be moved to a day that is over: today is {today}.",
        "不能改到已过去的日期：今天是 {today}。",
        "Choose today or a later day.",
        "请选择今天或之后的日期。",
    ),
    "put-off-too-far": Wording(
        "It can be put off until {latest}, and no further.",
        "最多可推迟到 {latest}。",
        "Choose an earlier day; `latest` of the follow-up says how far it can be put off.",
        "请选择更早的日期；随访的 latest 字段为最迟日期。",
    ),
    "measured-twice": Wording(
        "{where} is given twice.",
        "{where} 重复填写。",
        "Give each measurement once.",
        "每项测量只填一次。",
    ),
    "not-plausible": Wording(
        "{where} is outside {low} to {high} {unit}, which nobody is.",
        "{where} 超出可信范围（{low} 至 {high} {unit}）。",
        "Look at the value and its unit again.",
        "请核对数值与单位。",
    ),
    "half-a-pressure": Wording(
        "A blood pressure is two values, the systolic above the diastolic.",
        "血压须同时填写收缩压与舒张压，且收缩压高于舒张压。",
        "Give both SYSTOLIC and DIASTOLIC.",
        "请同时填写 SYSTOLIC 与 DIASTOLIC。",
    ),
    "offer-to-all": Wording(
        "This offer was made to every centre of the alliance, so that no single one can decline it.",
        "该名单面向医联体内所有中心，单个中心不能拒绝。",
        "Leave it: whoever signs the resident takes it.",
        "无需处理：由签约该居民的中心承接。",
    ),
    "reason-needed": Wording(
        "A reason is missing.",
        "缺少原因。",
        "Write in {where} why: it stays in the history.",
        "请在 {where} 中写明原因，将记入历史。",
    ),
    "note-too-long": Wording(
        "{where} is longer than {most} characters.",
        "{where} 超过 {most} 个字符。",
        "Write at most {most} characters.",
        "请控制在 {most} 个字符以内。",
    ),
    "no-offer": Wording(
        "There is no such offer to your centre.",
        "没有面向贵中心的该条名单。",
        "followUpOffers lists what is offered to you.",
        "followUpOffers 列出面向贵中心的名单。",
    ),
}
