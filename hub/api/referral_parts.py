"""The parts of a referral as they are shown: words, sides, the frozen summary, the steps of its life."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from hub.api.labels import Label
from hub.api.paging import global_id
from hub.store.worklists import Row

# -- words -----------------------------------------------------------------------------------------------------------


_LABELS: dict[str, Label] = {}


def _value(value: str, zh: str, en: str, description: str) -> Any:
    _LABELS[value] = Label(zh=zh, en=en)
    return strawberry.enum_value(value, description=description)


def label_of(value: Enum) -> Label:
    """A value in words."""
    return _LABELS[value.value]


@strawberry.enum(description="Where a referral leads.")
class ReferralDirection(Enum):
    """`hub.referrals.Direction`, each value with its meaning."""

    UP = _value("up", "上转", "Up", "From a family-doctor team up to a hospital.")
    DOWN = _value("down", "下转", "Down", "From a hospital down to the community.")


@strawberry.enum(description="Where a referral stands.")
class ReferralState(Enum):
    """`hub.referrals.State`, each value with its meaning."""

    SENT = _value("sent", "已发出", "Sent", "On its way; nobody has said that they saw it.")
    RECEIVED = _value("received", "已接收", "Received", "The receiver has seen it. That accepts nothing.")
    ACCEPTED = _value("accepted", "已接受", "Accepted", "The receiver will see the resident.")
    BOOKED = _value("booked", "已预约", "Booked", "A slot is booked for the resident.")
    ARRIVED = _value("arrived", "已到诊", "Arrived", "The resident is there, as a message or the receiver says.")
    CLOSED = _value("closed", "已结束", "Closed", "It is over; the outcome says how.")
    REFUSED = _value("refused", "已退回", "Refused", "The receiver does not take it; the reason says why.")
    WITHDRAWN = _value("withdrawn", "已撤回", "Withdrawn", "The sender took it back; the reason says why.")
    NOT_ARRIVED = _value(
        "not-arrived", "未到诊", "Not arrived", "The booked day has passed, and the hospital has said nothing."
    )


@strawberry.enum(description="How soon somebody must be seen.")
class ReferralUrgency(Enum):
    """`hub.referrals.Urgency`, each value with its meaning."""

    ROUTINE = _value("routine", "普通", "Routine", "In its turn.")
    URGENT = _value("urgent", "加急", "Urgent", "Within days.")
    EMERGENCY = _value("emergency", "急诊", "Emergency", "At once.")


@strawberry.enum(description="What became of the resident.")
class ReferralOutcome(Enum):
    """`hub.referrals.Outcome`, each value with its meaning."""

    HOME = _value("home", "医嘱离院", "Sent home", "Discharged home (离院方式 1).")
    TRANSFERRED = _value("transferred", "医嘱转院", "Transferred on", "Transferred to another hospital (离院方式 2).")
    COMMUNITY = _value("community", "转社区", "To the community", "Sent down to the community (离院方式 3).")
    AGAINST_ADVICE = _value("against-advice", "非医嘱离院", "Against advice", "Left against advice (离院方式 4).")
    DIED = _value("died", "死亡", "Died", "Has died (离院方式 5, or a source says so).")
    DISCHARGED = _value("discharged", "已离院", "Left", "Has left; how was not said.")
    ANSWERED = _value("answered", "已回复", "Answered", "The receiver closed it with a reply.")


@strawberry.enum(description="What somebody can do with a referral.")
class ReferralAct(Enum):
    """The acts of people in the tables of `hub.referrals`."""

    RECEIVE = strawberry.enum_value("receive", description="receiveReferral: say that it has been seen.")
    ACCEPT = strawberry.enum_value("accept", description="acceptReferral.")
    REFUSE = strawberry.enum_value("refuse", description="refuseReferral, with a reason.")
    WITHDRAW = strawberry.enum_value("withdraw", description="withdrawReferral, with a reason.")
    BOOK = strawberry.enum_value("book", description="bookReferral, with a slot that the team holds.")
    ARRIVE = strawberry.enum_value("arrive", description="arriveReferral: say that the resident has come.")
    CLOSE = strawberry.enum_value("close", description="closeReferral, with a reply.")
    REPLY = strawberry.enum_value("reply", description="closeReferral: add the reply to what a discharge has closed.")


@strawberry.enum(description="Which of a side's referrals.")
class ReferralBox(Enum):
    """The worklists of a side."""

    SENT = strawberry.enum_value("sent", description="What the team or the hospital sent.")
    RECEIVED = strawberry.enum_value("received", description="What came to it.")


# -- parts of a referral ---------------------------------------------------------------------------------------------


@strawberry.type(description="One side of a referral.")
class ReferralSide:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation, by its id in the directory.")
    organisation: str = strawberry.field(description="What the organisation is called.")
    team_id: strawberry.ID | None = strawberry.field(description="The team; null where it is none's, or nobody's yet.")
    team: str | None = strawberry.field(description="What the team is called.")


@strawberry.type(description="One line of the record as it was when the referral was sent.")
class SummaryLine:
    code: str | None = strawberry.field(description="The code.")
    display: str | None = strawberry.field(description="What it is.")
    effective: str | None = strawberry.field(description="When it was, or since when, as it was said.")
    status: str | None = strawberry.field(description="Its status, by FHIR's word for its kind.")
    clinical_status: str | None = strawberry.field(description="Of a condition: whether it is active.")
    category: str | None = strawberry.field(description="Of a condition: which sort of diagnosis.")
    criticality: str | None = strawberry.field(description="Of an allergy: how dangerous it may be.")
    severity: str | None = strawberry.field(description="Of an allergy: how strong the reaction was.")
    reaction: str | None = strawberry.field(description="Of an allergy: what happened.")
    value: str | None = strawberry.field(description="Of a result: what was found.")
    unit: str | None = strawberry.field(description="Of a result: the unit.")
    reference_range: str | None = strawberry.field(description="Of a result: what is usual.")
    interpretation: str | None = strawberry.field(description="Of a result: high, low, normal.")
    ended: str | None = strawberry.field(description="Of a stay: when it ended.")
    department: str | None = strawberry.field(description="Of a stay: the department.")
    doctor: str | None = strawberry.field(description="Of a stay: the doctor.")
    disposition: str | None = strawberry.field(description="Of a stay: 离院方式.")
    organisations: list[str] = strawberry.field(description="Whose word it is, the latest first.")
    cut: list[str] = strawberry.field(description="Which of these texts are cut short.")


@strawberry.type(description="One list of the summary.")
class SummaryList:
    lines: list[SummaryLine] = strawberry.field(description="What it shows, the newest first.")
    left_out: int = strawberry.field(description="How many of that kind the record had besides.")


@strawberry.type(description="The resident, as the summary has them.")
class SummaryPerson:
    name: str | None = strawberry.field(description="The name.")
    sex: str | None = strawberry.field(description="FHIR's administrative gender.")
    birth_date: str | None = strawberry.field(description="The birth date.")
    phone: str | None = strawberry.field(description="The telephone number.")
    address: str | None = strawberry.field(description="Where they live.")
    marital_status: str | None = strawberry.field(description="The marital status, in words.")
    ethnicity: str | None = strawberry.field(description="The ethnic group, in words.")
    organisations: list[str] = strawberry.field(description="Whose word it is, the latest first.")


@strawberry.type(description="What one side writes to the other, after the national 回转单.")
class ReferralNote:
    findings: str | None = strawberry.field(description="Main findings (主要检查结果), with the diagnosis (诊断结果).")
    treatment: str | None = strawberry.field(description="The course of treatment (治疗经过).")
    advice: str | None = strawberry.field(
        description="Further treatment and rehabilitation (下一步治疗方案及康复建议)."
    )


@strawberry.type(description="The record in short, frozen when the referral was sent.")
class ReferralSummary:
    taken_at: datetime = strawberry.field(description="The moment whose record it is.")
    person: SummaryPerson = strawberry.field(description="Who it is about.")
    conditions: SummaryList = strawberry.field(description="Diagnoses and problems.")
    allergies: SummaryList = strawberry.field(description="Allergies and intolerances.")
    results: SummaryList = strawberry.field(description="Of each sort of result the last.")
    stays: SummaryList = strawberry.field(description="The last stays and visits.")
    handover: ReferralNote | None = strawberry.field(
        description="What the hospital wrote to the community beside it; null where nothing, and of a referral up."
    )


@strawberry.type(description="The slot that is booked with a referral.")
class ReferralSlot:
    booking_id: strawberry.ID = strawberry.field(description="The `id` of the Booking.")
    state: str = strawberry.field(description="The booking's state: booked, cancelled.")
    kind: str = strawberry.field(description="What of: expert, general, examination, bed.")
    department: str = strawberry.field(description="The department.")
    practitioner: str | None = strawberry.field(description="Whose clinic it is; null where it is nobody's.")
    place: str | None = strawberry.field(description="Where; null where it was not said.")
    starts_at: datetime = strawberry.field(description="When it begins.")
    ends_at: datetime = strawberry.field(description="When it ends.")


@strawberry.type(description="One step in the life of a referral.")
class ReferralStep:
    at: datetime = strawberry.field(description="When.")
    act: str = strawberry.field(description="What was done: send, accept, arrive, discharge.")
    before: ReferralState | None = strawberry.field(description="The state before; null of the first step.")
    after: ReferralState = strawberry.field(description="The state after.")
    by: str = strawberry.field(description="Who did it: an account, a source, or `hub` where time did.")
    role: str = strawberry.field(description="What they are to the hub.")
    note: str | None = strawberry.field(description="The reason that was given; null where none was.")
    message_id: strawberry.ID | None = strawberry.field(
        description="The message that bears witness, as `hub message list` names it; null where a person did it."
    )


@strawberry.type(description="The rule of the region by which a referred resident goes first.")
class ReferralPriority:
    label: Label = strawberry.field(description="What it says, in our words.")
    clause: str = strawberry.field(description="Where it stands: weihai-2023 四(三).")


# -- out of rows -----------------------------------------------------------------------------------------------------


def sides_from(row: Row) -> tuple[ReferralSide, ReferralSide]:
    """Who sent it, and to whom."""
    return _side(row, "from"), _side(row, "to")


def _side(row: Row, side: str) -> ReferralSide:
    team_id = row[f"{side}_team_id"]
    return ReferralSide(
        organisation_id=strawberry.ID(row[f"{side}_organisation_id"]),
        organisation=row[f"{side}_name"],
        team_id=strawberry.ID(team_id) if team_id else None,
        team=row[f"{side}_team_name"],
    )


def slot_from(row: Row) -> ReferralSlot | None:
    """The slot that is booked with it."""
    if row["booking_id"] is None:
        return None
    return ReferralSlot(
        booking_id=global_id("Booking", row["booking_id"]),
        state=row["booking_state"],
        kind=row["session_kind"],
        department=row["session_department"],
        practitioner=row["session_practitioner"] or None,
        place=row["session_place"] or None,
        starts_at=row["slot_starts_at"],
        ends_at=row["slot_ends_at"],
    )


def note_from(said: Mapping[str, str] | None) -> ReferralNote | None:
    """What one side wrote."""
    if not said:
        return None
    return ReferralNote(findings=said.get("findings"), treatment=said.get("treatment"), advice=said.get("advice"))


def summary_from(told: Mapping[str, Any]) -> ReferralSummary:
    """The summary as `hub.summary` made it."""
    return ReferralSummary(
        taken_at=datetime.fromisoformat(told["taken_at"]),
        person=SummaryPerson(**{name: told["person"].get(name) for name in _PERSON}),
        conditions=_list(told["conditions"]),
        allergies=_list(told["allergies"]),
        results=_list(told["results"]),
        stays=_list(told["stays"]),
        handover=note_from(told.get("handover")),
    )


def _list(told: Mapping[str, Any]) -> SummaryList:
    return SummaryList(lines=[_line(line) for line in told["lines"]], left_out=told["left_out"])


def _line(line: Mapping[str, Any]) -> SummaryLine:
    said = {name: line.get(name) for name in _LINE}
    return SummaryLine(**said, organisations=line["organisations"], cut=line.get("cut", []))


_PERSON = ("name", "sex", "birth_date", "phone", "address", "marital_status", "ethnicity", "organisations")
_LINE = (
    *("code", "display", "effective", "status", "clinical_status", "category", "criticality", "severity", "reaction"),
    *("value", "unit", "reference_range", "interpretation", "ended", "department", "doctor", "disposition"),
)


_WITHDRAWN = ReferralState.WITHDRAWN.value


def steps_from(rows: Sequence[Row], *, is_withheld: bool = False) -> list[ReferralStep]:
    """The steps of its life; withheld, with no other words than those of its end."""
    return [
        ReferralStep(
            at=row["at"],
            act=row["act"],
            before=ReferralState(row["before"]) if row["before"] else None,
            after=ReferralState(row["after"]),
            by=row["by"],
            role=row["role"],
            note=row["note"] or None if not is_withheld or row["after"] == _WITHDRAWN else None,
            message_id=strawberry.ID(str(row["message_id"])) if row["message_id"] else None,
        )
        for row in rows
    ]
