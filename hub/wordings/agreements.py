"""Refusals about organisations, teams and agreements."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

AGREEMENTS: Mapping[str, Wording] = {
    # -- the directory
    "directory-unknown": Wording(
        "{where} refers to {kind} {key}, which nobody has told the hub of.",
        "{where} 引用的 {kind} {key} 尚未登记。",
        "Send {kind} {key} first, or in the same bundle; then send this again, or replay the message.",
        "请先发送 {kind} {key}，或放在同一 Bundle 中；然后重新发送或重放该消息。",
    ),
    "directory-code": Wording(
        "{where}: {element} is not one of {known}.",
        "{where}：{element} 不在 {known} 之中。",
        "Use one of these codes.",
        "请使用其中一个代码。",
    ),
    "directory-incomplete": Wording(
        "{where}: {element} is missing.",
        "{where}：缺少 {element}。",
        "Add it and send it again.",
        "请补充后重新发送。",
    ),
    "not-an-alliance": Wording(
        "{where}: {key} is an organisation, but no alliance.",
        "{where}：{key} 是机构，但不是医联体。",
        "Name the alliance by its own id; its kind is `alliance`.",
        "请使用医联体自身的标识，其类型（kind）为 alliance。",
    ),
    # -- contracts of signing systems
    "contract-status": Wording(
        "{where} is none of {known}: the hub keeps what was signed and what was ended.",
        "{where} 不是 {known} 之一：平台只保存已签订和已终止的协议。",
        "Send the contract once it is signed.",
        "请在协议签订后再发送。",
    ),
    "contract-incomplete": Wording(
        "{where}: {element} is missing or cannot be read, so nobody can tell what was signed.",
        "{where}：缺少 {element} 或其内容无法识别，无法确定所签内容。",
        "Correct it and send it again.",
        "请更正后重新发送。",
    ),
    "number-too-long": Wording(
        "{where}: the number is longer than {most} characters.",
        "{where}：编号超过 {most} 个字符。",
        "Send the number that stands on the paper.",
        "请发送协议书上的编号。",
    ),
    "signed-twice": Wording(
        "The same agreement stands already: {number}, until {until}.",
        "已有相同的协议：{number}，有效期至 {until}。",
        "Nothing needs to be done; renew that one (renewAgreement) if it is to run longer.",
        "无需重复签署；如需延长，请续签该协议（renewAgreement）。",
    ),
    "renewed-today": Wording(
        "It was renewed today, until {ends}.",
        "该协议今日已续约至 {ends}。",
        "Nothing needs to be done; a further term may be signed from tomorrow on.",
        "无需重复办理；自明日起方可再续下一服务期。",
    ),
    "unknown-people": Wording(
        "{where} names somebody whom this source has not told the hub of.",
        "{where} 所指人员尚未由该来源登记。",
        "Send the Patient first, or in the same bundle; then send this again, or replay the message.",
        "请先发送 Patient，或放在同一 Bundle 中；然后重新发送或重放该消息。",
    ),
    "number-taken": Wording(
        "{where}: the agreement number {number} belongs to another agreement.",
        "{where}：协议编号 {number} 已属于另一份协议。",
        "Check the number; a further term of one agreement keeps its provider and kind.",
        "请核对编号；同一协议的后续服务期不改变签约方和类型。",
    ),
    # -- signing
    "already-signed": Wording(
        "The resident has an agreement with {name} ({team}) until {until}; one at a time stands.",
        "该居民已与{name}（{team}）签约，有效期至 {until}；同一时间只能有一份有效协议。",
        "Transfer that agreement with the resident's consent (transferAgreement), or let this one begin after it.",
        "经居民同意后办理转签（transferAgreement），或将本协议的起始日设在其到期之后。",
    ),
    "nobody-to-sign": Wording(
        "{where}: nobody is known whom this agreement would cover.",
        "{where}：没有可纳入该协议的已知居民。",
        "Name residents by their id, or by a number that a hospital or centre has sent.",
        "请用居民 id，或医院、社区中心已上报的号码指明居民。",
    ),
    "client-unclear": Wording(
        "{where}: an agreement is made with one resident, a household by its number, or an organisation by its id.",
        "{where}：协议的对象为一位居民、一个家庭（填户编号）或一个单位（填单位 id）。",
        "Name further members only with a household or an organisation, and only one of the two.",
        "仅在家庭或单位签约时填写其他成员，且二者只选其一。",
    ),
    "begins-in-the-past": Wording(
        "{where} is over: an agreement begins on the day of its signing or later.",
        "{where} 已过：协议自签订之日或之后开始。",
        "Leave it out for today. What was signed earlier comes from the signing system or by `hub load`.",
        "留空即为今日。此前签订的协议由签约系统发送或以 hub load 导入。",
    ),
    "term-order": Wording(
        "{where}: the last day comes before the first.",
        "{where}：到期日早于起始日。",
        "Correct the days.",
        "请更正日期。",
    ),
    "term-needs-an-end": Wording(
        "No rule says how long this term is ({rule}, {clause}: {allowed}).",
        "没有规定能确定该服务期的长度（{rule}，{clause}：{allowed}）。",
        "Give {where}, as both sides agreed it.",
        "请按双方约定填写 {where}。",
    ),
    "course-needs-an-end": Wording(
        "A supplementary agreement runs for one course of treatment: {where} is needed.",
        "补充协议以疗程为服务期：须填写 {where}。",
        "Give the last day of the course.",
        "请填写疗程的最后一日。",
    ),
    "term-not-allowed": Wording(
        "The term is not one that {rule} allows ({clause}): {allowed}.",
        "该服务期不符合 {rule}（{clause}）：{allowed}。",
        "Choose {where} so that the term is one of these.",
        "请调整 {where}，使服务期符合上述要求。",
    ),
    "term-needs-a-reason": Wording(
        "As a principle {rule} ({clause}) asks for {allowed}; another term needs its reason.",
        "{rule}（{clause}）原则上要求 {allowed}；其他服务期须说明理由。",
        "Choose that term, or give the reason as {where}: it is kept with the term.",
        "请改用该服务期，或在 {where} 中写明理由（随服务期保存）。",
    ),
    "term-too-early": Wording(
        "{rule} ({clause}) lets a term of that length be signed after {after} without a break, which is from {day} on; "
        "until then: {allowed}.",
        "按 {rule}（{clause}），连续签约 {after} 后方可签订该长度的服务期，即自 {day} 起；此前为：{allowed}。",
        "Sign the shorter term now.",
        "请先签订较短的服务期。",
    ),
    "team-full": Wording(
        "The team has {has} residents; with {more} more it would be above the {most} of {rule} ({clause}).",
        "该团队已签约 {has} 人；再增加 {more} 人将超过 {rule}（{clause}）规定的 {most} 人。",
        "Let another team of the centre sign.",
        "请由中心的其他团队签约。",
    ),
    "team-full-in-principle": Wording(
        "The team has {has} residents; with {more} more it would be above the {most} that {rule} ({clause}) asks for "
        "as a principle.",
        "该团队已签约 {has} 人；再增加 {more} 人将超过 {rule}（{clause}）原则上的 {most} 人。",
        "Let another team sign, or give the reason as {where}: it is kept with the term.",
        "请由其他团队签约，或在 {where} 中写明理由（随服务期保存）。",
    ),
    "not-a-member": Wording(
        "{where}: {key} does not belong to your team.",
        "{where}：{key} 不是您团队的成员。",
        "Name a practitioner of your own team, or sign as the team.",
        "请填写本团队的成员，或以团队名义签约。",
    ),
    "no-alliance": Wording(
        "Your organisation belongs to no alliance.",
        "您的机构不属于任何医联体。",
        "Sign as the team, or ask the administrator to name the alliance in the directory.",
        "请以团队名义签约，或请管理员在机构目录中登记所属医联体。",
    ),
    # -- what becomes of it
    "no-agreement": Wording(
        "There is no such agreement of yours.",
        "您没有这份协议。",
        "`agreements` lists those of your team.",
        "agreements 列出本团队的协议。",
    ),
    "no-agreement-to-transfer": Wording(
        "{where}: the resident has no agreement that could be transferred.",
        "{where}：该居民没有可转签的协议。",
        "Sign a new one (signAgreement).",
        "请新签协议（signAgreement）。",
    ),
    "agreement-not-begun": Wording(
        "It begins on {begins}: it is renewed from that day on, one term ahead.",
        "该服务期自 {begins} 起；自该日起方可续约，且只能提前一个服务期。",
        "Wait for that day.",
        "请在该日之后办理。",
    ),
    "agreement-runs": Wording(
        "It runs until {ends}.",
        "协议有效期至 {ends}。",
        "End it with a reason (endAgreement) if it is to stop earlier.",
        "如需提前结束，请说明理由并办理解约（endAgreement）。",
    ),
    "agreement-over": Wording(
        "Its last day was {ends}.",
        "协议已于 {ends} 到期。",
        "Renew it (renewAgreement), or sign a new one.",
        "请续约（renewAgreement）或新签协议。",
    ),
    "needs-a-reason": Wording(
        "{where}: a reason is needed.",
        "{where}：须写明理由。",
        "Say why in a few words.",
        "请简要说明原因。",
    ),
    "consent-needed": Wording(
        "{where}: a team takes over a resident only with their consent.",
        "{where}：团队接收转签须经居民同意。",
        "Ask the resident, and note how and when they agreed.",
        "请征得居民同意，并注明同意的方式和时间。",
    ),
    "transfer-primary-only": Wording(
        "A supplementary agreement is not transferred.",
        "补充协议不办理转签。",
        "End it, and let the other team sign one of its own.",
        "请终止该协议，由另一团队另行签订。",
    ),
    "same-provider": Wording(
        "The agreement is with {team} already.",
        "该协议的签约方已是 {team}。",
        "Renew it instead (renewAgreement).",
        "请办理续约（renewAgreement）。",
    ),
}
