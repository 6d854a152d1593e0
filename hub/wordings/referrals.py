"""Refusals about referrals."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

REFERRALS: Mapping[str, Wording] = {
    "unknown-referral": Wording(
        "{where} names no referral of yours.",
        "{where} 所指转诊不存在，或与您所在的团队、机构无关。",
        "Take the id from `referrals`: it lists what your side has sent and received.",
        "请从 referrals 查询中取得 id：其中列出本方发出和收到的转诊。",
    ),
    "not-a-hospital": Wording(
        "{where} names no hospital of the directory, or your own institution.",
        "{where} 所指并非名录中的医院，或即为本机构。",
        "Give the directory's id of the hospital that is to see the resident.",
        "请填写接诊医院在名录中的 id。",
    ),
    "no-such-centre": Wording(
        "{where} leads to no community institution, and nothing else says which it should be.",
        "{where} 未能指明社区卫生服务机构，也没有签约或住址可供判断。",
        "Give the directory's id of the community health centre.",
        "请填写社区卫生服务机构在名录中的 id。",
    ),
    "resident-deceased": Wording(
        "A source has reported the death of this resident.",
        "已有来源报告该居民死亡。",
        "If that is wrong, let the source correct it; then do this again.",
        "如信息有误，请由来源系统更正后再办理。",
    ),
    "referral-open": Wording(
        "There is an open referral of this resident there already: {number}.",
        "该居民在该处已有未结束的转诊：{number}。",
        "Go on with {number}, or withdraw it before you send another.",
        "请继续办理 {number}，或先撤回后再发起新的转诊。",
    ),
    "referral-accepted": Wording(
        "The referral has been accepted already.",
        "该转诊已被接受。",
        "Nothing is left to do here; `history` says who accepted it.",
        "无需再次接受；history 列出接受人与时间。",
    ),
    "referral-not-accepted": Wording(
        "Nobody has accepted the referral.",
        "该转诊尚未被接受。",
        "Let the receiver accept it first.",
        "请先由接收方接受。",
    ),
    "referral-closed-otherwise": Wording(
        "No discharge closed this referral, so none can open or change it.",
        "该转诊并非因出院而结束，出院消息不能重新打开或更改。",
        "Send a new referral if the resident is to be seen again.",
        "如需再次就诊，请发起新的转诊。",
    ),
    "referral-replied": Wording(
        "The referral has a reply already.",
        "该转诊已有回复。",
        "Read it in `reply`; what is to be added goes into a new referral.",
        "请查看 reply；如需补充，请另行转诊说明。",
    ),
    "booking-elsewhere": Wording(
        "{where} is a slot of {hospital}, and the referral goes to {to}.",
        "{where} 是 {hospital} 的号源，而转诊去往 {to}。",
        "Hold a slot of {to}.",
        "请占用 {to} 的号源。",
    ),
    "text-needed": Wording(
        "{where} is empty.",
        "{where} 为空。",
        "Write in {where} what the other side has to know.",
        "请在 {where} 中写明对方需要了解的内容。",
    ),
    "text-too-long": Wording(
        "{where} is longer than {most} characters.",
        "{where} 超过 {most} 个字符。",
        "Say it in at most {most} characters; the record goes along by itself.",
        "请控制在 {most} 个字符以内；健康档案摘要会自动随转诊发送。",
    ),
}
