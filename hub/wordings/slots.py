"""Refusals about slot pools."""

from collections.abc import Mapping

from hub.wordings.wording import Wording

SLOTS: Mapping[str, Wording] = {
    "pool-closed": Wording(
        "The teams' time for this session is over: its slots are the public's.",
        "该场次的团队预约时段已结束，号源已转回公众。",
        "Book at the hospital like everybody, or choose another session with `slotPools`.",
        "请按公众渠道向医院预约，或用 slotPools 另选场次。",
    ),
    "pool-still-open": Wording(
        "The teams' time for this session is not over yet.",
        "该场次的团队预约时段尚未结束。",
        "Nothing has to be done: the slot stays the teams'.",
        "无需处理：该号源仍归团队。",
    ),
    "not-your-alliance": Wording(
        "The hospital {hospital} leaves its slots to the centres of its own alliance.",
        "医院 {hospital} 的号源只留给所在医联体的基层机构。",
        "Choose a session that `slotPools` lists for you, or ask the site to correct the alliance of your centre.",
        "请在 slotPools 为您团队列出的场次中选择；如医联体归属有误，请联系站点管理员更正。",
    ),
    "session-cancelled": Wording(
        "The hospital has cancelled this session.",
        "该场次已停诊。",
        "Choose another session with `slotPools`; `stateReason` says why it was cancelled.",
        "请用 slotPools 另选场次；stateReason 给出停诊原因。",
    ),
    "session-begun": Wording(
        "This session has begun or is over.",
        "该场次已开始或已结束。",
        "Choose a later session with `slotPools`; nothing of a session is changed once it has begun.",
        "请用 slotPools 选择之后的场次；场次开始后不再更改。",
    ),
    "nothing-reserved": Wording(
        "Nothing of this session is reserved for family-doctor teams ({by}).",
        "该场次没有为家庭医生团队预留号源（{by}）。",
        "Book at the hospital like everybody, or choose another session with `slotPools`.",
        "请按公众渠道向医院预约，或用 slotPools 另选场次。",
    ),
    "pool-not-open": Wording(
        "Teams cannot book this session before {changes_at} ({by}).",
        "该场次自 {changes_at} 起向团队开放（{by}）。",
        "Come back then; `slotPoolChanged` tells of changes meanwhile.",
        "请届时再预约；期间变化可订阅 slotPoolChanged。",
    ),
    "pool-released": Wording(
        "What the teams left free of this session went to the public at {since} ({by}).",
        "该场次团队未用的号源已于 {since} 转回公众（{by}）。",
        "Book at the hospital like everybody, or choose another session with `slotPools`.",
        "请按公众渠道向医院预约，或用 slotPools 另选场次。",
    ),
    "pool-taken": Wording(
        "All that teams have of this session is taken: {reserved} of {total} slots are reserved ({by}).",
        "该场次留给团队的号源已全部占用：{total} 个中预留 {reserved} 个（{by}）。",
        "A hold may end at {changes_at}: try again then, or choose another session with `slotPools`.",
        "{changes_at} 可能有占号到期，届时可再试；也可用 slotPools 另选场次。",
    ),
    "slot-taken": Wording(
        "This slot is not free for teams.",
        "该号源当前不可供团队预约。",
        "Choose another of the session with `slots(free: true)`, or hold any of it by `slotPoolId`.",
        "请用 slots(free: true) 另选号源，或按 slotPoolId 占用任一空号。",
    ),
    "hold-expired": Wording(
        "This hold has expired, and the slot is free for others again.",
        "占号已过期，号源已重新开放给其他团队。",
        "Hold a slot again with `holdSlot`, and confirm it before `expiresAt`.",
        "请重新用 holdSlot 占号，并在 expiresAt 之前确认。",
    ),
    "hold-stands": Wording(
        "This hold has not expired yet.",
        "占号尚未到期。",
        "Cancel it with `cancelBooking` if it is not needed.",
        "如不再需要，请用 cancelBooking 取消。",
    ),
    "hold-length": Wording(
        "A slot cannot be held for {asked} minutes.",
        "占号时长不能为 {asked} 分钟。",
        "Ask for 1 to {most} minutes.",
        "请填写 1 至 {most} 分钟。",
    ),
    "slot-begun": Wording(
        "The time of this slot has come: it cannot be given back any more.",
        "该号源的就诊时间已到，不能再取消。",
        "Tell the hospital's desk if the patient does not come.",
        "如患者不来，请告知医院服务台。",
    ),
    "no-such-slot": Wording(
        "There is no such session or slot.",
        "没有这一场次或号源。",
        "Ask for sessions with `slotPools`, and for slots with `slots`.",
        "请用 slotPools 查询场次，用 slots 查询号源。",
    ),
    "no-such-booking": Wording(
        "Your team or organisation has no such booking.",
        "您的团队或机构没有这条预约。",
        "Ask for your bookings with `bookings`.",
        "请用 bookings 查询您的预约。",
    ),
    "no-such-team": Wording(
        "The directory has no team {team}.",
        "机构目录中没有团队 {team}。",
        "Ask the site to send the directory of teams, or for a token with a team that is in it.",
        "请联系站点管理员导入团队目录，或签发写明已有团队的令牌。",
    ),
    "booked-already": Wording(
        "The resident has a slot of this session already.",
        "该居民在本场次已有预约。",
        "Cancel one of the two with `cancelBooking`, or book another session.",
        "请用 cancelBooking 取消其一，或预约其他场次。",
    ),
    "booking-for-whom": Wording(
        "Nobody has said for whom this slot is booked.",
        "尚未指明为哪位居民预约。",
        "Give `residentId`: a hold may be for nobody yet, a booking may not.",
        "请填写 residentId：占号可暂不指定居民，预约必须指定。",
    ),
    "session-below-bookings": Wording(
        "The session would lose slots that are taken: {numbers} ({taken} are held or booked, {left} are offered).",
        "缩减后将失去已占用的号源：第 {numbers} 号（已占用 {taken} 个，仅提供 {left} 个）。",
        "Keep these slots, let the teams cancel them, or cancel the session: its bookings end with your reason.",
        "请保留这些号源，或请团队先行取消；也可停诊整个场次，系统将以您的原因取消预约并通知团队。",
    ),
    "session-incomplete": Wording(
        "{where}: a session needs {element}, as it can be read.",
        "{where}：场次缺少 {element}，或其内容无法识别。",
        "Send the session again as a whole, with {element}.",
        "请补上 {element}，将场次整体重新发送。",
    ),
    "session-code": Wording(
        "{where}: {element} is none of {known}.",
        "{where}：{element} 不是 {known} 之一。",
        "Send one of these codes.",
        "请改用所列代码之一。",
    ),
    "slot-number-twice": Wording(
        "{where}: two slots of the session have the number {number}.",
        "{where}：同一场次有两个号源的序号都是 {number}。",
        "Number the slots of a session 1 to n, or not at all.",
        "请将同一场次的号源编为 1 至 n，或都不编号。",
    ),
    "slot-outside-session": Wording(
        "{where}: it does not begin before it ends, or is not within its session.",
        "{where}：开始不早于结束，或不在场次时间之内。",
        "Send sessions and slots that begin before they end, the slots between the begin and the end of the session.",
        "场次和号源的开始应早于结束，且号源应在场次的起止时间之内。",
    ),
    "slot-without-session": Wording(
        "{where}: a slot came without its session.",
        "{where}：号源未附所属场次。",
        "Send the Schedule with all of its Slots in one bundle: it replaces the slots as a whole.",
        "请在同一 Bundle 中发送 Schedule 及其全部 Slot：整体替换该场次的号源。",
    ),
    "sessions-of-nobody": Wording(
        "The profile of the source {source} does not say which organisation of the directory it belongs to.",
        "来源 {source} 的配置未写明其在机构目录中的编号。",
        "Write `organisation_id` into sources/{source}/source.toml, then replay the message.",
        "请在 sources/{source}/source.toml 中填写 organisation_id，然后重放该消息。",
    ),
    "reserved-above-total": Wording(
        "{where}: {reserved} slots are to be reserved, and the session has {total}.",
        "{where}：要求预留 {reserved} 个，但场次只有 {total} 个。",
        "Correct the number, or leave it out: the region's rule then says how many.",
        "请更正数量，或不填写：届时按地区规则计算。",
    ),
    "opens-after-public": Wording(
        "{where}: teams would come after the public.",
        "{where}：团队开放时间晚于公众。",
        "Give a time that is not after public-from, or none: the region's rule then says when.",
        "请填写不晚于 public-from 的时间，或不填写：届时按地区规则计算。",
    ),
    "released-after-start": Wording(
        "{where}: slots would go back to the public after the session has begun.",
        "{where}：转回公众的时间晚于出诊开始。",
        "Give a time before the session begins, or none: the region's rule then says when.",
        "请填写出诊开始之前的时间，或不填写：届时按地区规则计算。",
    ),
}
