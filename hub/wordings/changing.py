"""Refusals of changes, whatever they change."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

CHANGING: Mapping[str, Wording] = {
    "not-in-this-state": Wording(
        "This {what} is {state}: to {act} it, it would have to be {possible}.",
        "该{what}当前为“{state}”；要{act}，须为“{possible}”。",
        "Ask for it again: `availableActions` says what can be done now.",
        "请重新查询：availableActions 列出当前可执行的操作。",
    ),
    "not-yours-to-do": Wording(
        "To {act} this {what} is not yours to do.",
        "您无权对该{what}执行“{act}”。",
        "`availableActions` says what you can do; the rest is for the other side.",
        "availableActions 列出您可执行的操作；其余由对方办理。",
    ),
    "changed-meanwhile": Wording(
        "This {what} was changed meanwhile: it is at version {found}, you had {asked}.",
        "该{what}已被他人更改：当前版本为 {found}，您持有的是 {asked}。",
        "Ask for it again, look at what changed, and repeat what still holds.",
        "请重新查询，确认变化后再操作。",
    ),
    "no-relation": Wording(
        "You have no relation to this resident that lets you read or change anything.",
        "您与该居民之间没有可供查阅或办理的关系。",
        "It needs an agreement with your team, an open referral, or a follow-up that is assigned to it.",
        "需有与您团队的签约、进行中的转诊或分派给您团队的随访。",
    ),
    "may-not-change": Wording(
        "The role {role} does not {act}.",
        "{role}不能{act}。",
        "Use the token of somebody whose task it is: {roles}.",
        "请使用负责此事者的令牌：{roles}。",
    ),
    "no-team": Wording(
        "Your token names no family-doctor team.",
        "您的令牌未指明家庭医生团队。",
        "Ask the site for a token with your team (`hub token --team`).",
        "请向管理员申请写明团队的令牌（hub token --team）。",
    ),
    "no-organisation": Wording(
        "Your token names no organisation.",
        "您的令牌未指明机构。",
        "Ask the site for a token with your organisation (`hub token --organisation`).",
        "请向管理员申请写明机构的令牌（hub token --organisation）。",
    ),
    "too-busy": Wording(
        "Others changed the same things at the same moment; nothing was done.",
        "他人正在同时更改相同内容；本次未作任何更改。",
        "Try again.",
        "请重试。",
    ),
}
