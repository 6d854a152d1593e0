"""What follow-up is made of in GraphQL: its codes, each with its meaning, and its smaller types."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry

from hub.api.labels import Label
from hub.store.records import Row


@strawberry.enum(name="FollowUpPlanState", description="Where a plan stands.")
class PlanStateType(Enum):
    """`hub.followups.PlanState`, each value with its meaning."""

    DELIVERED = strawberry.enum_value("delivered", description="The team has it and has not accepted it yet.")
    ACCEPTED = strawberry.enum_value("accepted", description="The team takes care of it.")
    COMPLETED = strawberry.enum_value("completed", description="Nothing of it is due any more.")
    CANCELLED = strawberry.enum_value("cancelled", description="It does not hold any more; `endReason` says why.")


@strawberry.enum(name="FollowUpState", description="Where a follow-up stands.")
class FollowUpStateType(Enum):
    """`hub.followups.FollowUpState`, each value with its meaning."""

    DUE = strawberry.enum_value("due", description="It is to be done; `isOverdue` tells whether its time is over.")
    COMPLETED = strawberry.enum_value("completed", description="It was done.")
    LOST = strawberry.enum_value("lost", description="Nobody could be reached (失访).")
    CANCELLED = strawberry.enum_value("cancelled", description="It is not due any more; `outcome` says why.")


@strawberry.enum(description="Which follow-ups of a team are asked for.")
class FollowUpFilter(Enum):
    """A state, or what is overdue of those that are due."""

    DUE = strawberry.enum_value("due", description="Those to be done, overdue ones among them.")
    OVERDUE = strawberry.enum_value("overdue", description="Those to be done whose time is over.")
    COMPLETED = strawberry.enum_value("completed", description="Those that were done.")
    LOST = strawberry.enum_value("lost", description="Those where nobody could be reached.")
    CANCELLED = strawberry.enum_value("cancelled", description="Those that are not due any more.")


@strawberry.enum(name="FollowUpOfferState", description="Where an offer stands.")
class OfferStateType(Enum):
    """`hub.followups.OfferState`, each value with its meaning."""

    OPEN = strawberry.enum_value("open", description="Whoever signs the resident takes it.")
    TAKEN = strawberry.enum_value("taken", description="A team signed the resident.")
    DECLINED = strawberry.enum_value("declined", description="The centre said no.")
    WITHDRAWN = strawberry.enum_value("withdrawn", description="There is nothing to offer any more.")


@strawberry.enum(name="FollowUpWay", description="How somebody is reached (随访方式, CV06.00.207).")
class WayType(Enum):
    """`hub.followups.Way`, each value with its meaning."""

    OUTPATIENT = strawberry.enum_value("outpatient", description="门诊: they come.")
    HOME = strawberry.enum_value("home", description="家庭: a visit at home.")
    TELEPHONE = strawberry.enum_value("telephone", description="电话: by telephone.")
    MESSAGE = strawberry.enum_value("message", description="短信: by a text message or a letter.")
    ONLINE = strawberry.enum_value("online", description="网络: over the Internet.")
    OTHER = strawberry.enum_value("other", description="其他: another way.")


@strawberry.enum(name="FollowUpOutcome", description="What a follow-up found (随访评价结果, CV05.10.012).")
class OutcomeType(Enum):
    """`hub.followups.Outcome`, each value with its meaning."""

    SATISFIED = strawberry.enum_value("satisfied", description="控制满意: well controlled, recovering well.")
    UNSATISFIED = strawberry.enum_value("unsatisfied", description="控制不满意: not well controlled.")
    REACTION = strawberry.enum_value("adverse-reaction", description="不良反应: an adverse reaction.")
    COMPLICATION = strawberry.enum_value("complication", description="并发症: a complication.")


@strawberry.enum(name="FollowUpEnding", description="Why something ended without having been done.")
class EndingType(Enum):
    """`hub.followups.Ending`, each value with its meaning."""

    VOID = strawberry.enum_value("void", description="The hospital took the discharge back (A13).")
    DEATH = strawberry.enum_value("death", description="The resident died.")
    READMITTED = strawberry.enum_value("readmitted", description="The resident is in hospital again.")
    TRANSFERRED = strawberry.enum_value("transferred", description="They were sent on to another hospital.")
    UNSIGNED = strawberry.enum_value("agreement-ended", description="The agreement ended, and no other stands.")
    REPLANNED = strawberry.enum_value("replanned", description="What was asked for changed.")
    STALE = strawberry.enum_value("stale", description="The discharge is too long ago.")


@strawberry.enum(name="FollowUpPriority", description="How soon a plan wants attention.")
class PriorityType(Enum):
    """The priorities of plans, each with its meaning."""

    ROUTINE = strawberry.enum_value("routine", description="As all are.")
    RAISED = strawberry.enum_value("raised", description="First: the resident left against medical advice.")


@strawberry.enum(name="FollowUpBasis", description="What a plan follows.")
class BasisType(Enum):
    """`hub.followups.BY_REQUEST` and `BY_LADDER`, each with its meaning."""

    REQUEST = strawberry.enum_value("hospital-request", description="What the hospital asked for.")
    LADDER = strawberry.enum_value("ladder", description="The rules by diagnosis that the site has settled.")


@strawberry.enum(name="FollowUpPlanAct", description="What can be done with a plan.")
class PlanAct(Enum):
    """The acts that people ask for."""

    ACCEPT = strawberry.enum_value("accept", description="acceptFollowUpPlan.")


@strawberry.enum(name="FollowUpAct", description="What can be done with a follow-up.")
class FollowUpAct(Enum):
    """The acts that people ask for."""

    CONTACT = strawberry.enum_value("contact", description="recordContact.")
    COMPLETE = strawberry.enum_value("complete", description="completeFollowUp.")
    RESCHEDULE = strawberry.enum_value("reschedule", description="rescheduleFollowUp.")
    LOSE = strawberry.enum_value("lose", description="loseFollowUp.")


@strawberry.enum(name="FollowUpOfferAct", description="What can be done with an offer. To take it is to sign them.")
class OfferAct(Enum):
    """The acts that people ask for."""

    DECLINE = strawberry.enum_value("decline", description="declineOffer.")


@strawberry.enum(name="MeasurementKind", description="What can be measured at a follow-up, and in which unit.")
class MeasurementKind(Enum):
    """`hub.followups.Measurement`, each value with its meaning."""

    SYSTOLIC = strawberry.enum_value("systolic", description="Systolic blood pressure, mmHg; with DIASTOLIC.")
    DIASTOLIC = strawberry.enum_value("diastolic", description="Diastolic blood pressure, mmHg; with SYSTOLIC.")
    FASTING_GLUCOSE = strawberry.enum_value("fasting-glucose", description="Fasting glucose, mmol/L.")
    GLUCOSE = strawberry.enum_value("glucose", description="Glucose at any time, mmol/L.")
    WEIGHT = strawberry.enum_value("weight", description="Body weight, kg.")
    OXYGEN_SATURATION = strawberry.enum_value("oxygen-saturation", description="Oxygen saturation, %.")
    HEART_RATE = strawberry.enum_value("heart-rate", description="Heart rate, /min.")
    TEMPERATURE = strawberry.enum_value("temperature", description="Body temperature, ℃.")


@strawberry.type(description="Every so many days, as a hospital asked for it.")
class RequestedCycle:
    days: int = strawberry.field(description="How many days lie between.")
    from_: date | None = strawberry.field(name="from", description="The first day; null: counted from the discharge.")
    until: date | None = strawberry.field(description="The last day; null where no end was named.")
    count: int | None = strawberry.field(description="How often; null where no number was named.")


@strawberry.type(description="Days that a hospital asked for.")
class RequestedSpan:
    from_: date = strawberry.field(name="from", description="The first day.")
    until: date = strawberry.field(description="The last day.")


@strawberry.type(description="What the hospital asked for at the discharge.")
class FollowUpRequest:
    way: WayType | None = strawberry.field(description="How; null where it did not say.")
    days: list[date] = strawberry.field(description="Single days that it named.")
    spans: list[RequestedSpan] = strawberry.field(description="Spans of days that it named.")
    cycles: list[RequestedCycle] = strawberry.field(description="What it wants repeated.")
    notes: list[str] = strawberry.field(description="Its words. They are shown and never read as days.")


@strawberry.type(description="An attempt to reach a resident.")
class Contact:
    at: datetime = strawberry.field(description="When.")
    by: str = strawberry.field(description="Whose account noted it.")
    way: WayType = strawberry.field(description="How.")
    reached: bool = strawberry.field(description="Whether somebody was reached.")
    note: str | None = strawberry.field(description="What was noted; null where nothing was.")


def contact_from(row: Row) -> Contact:
    """An attempt out of its row."""
    return Contact(
        at=row["at"], by=row["by"], way=WayType(row["way"]), reached=row["is_reached"], note=row["note"] or None
    )


def request_from(stored: Mapping[str, Any] | None) -> FollowUpRequest | None:
    """A request out of what was stored."""
    if stored is None:
        return None
    return FollowUpRequest(
        way=WayType(stored["way"]) if stored["way"] else None,
        days=[date.fromisoformat(day) for day in stored["days"]],
        spans=[
            RequestedSpan(from_=date.fromisoformat(begin), until=date.fromisoformat(end))
            for begin, end in stored["spans"]
        ],
        cycles=[
            RequestedCycle(
                days=one["days"],
                from_=date.fromisoformat(one["begin"]) if one["begin"] else None,
                until=date.fromisoformat(one["end"]) if one["end"] else None,
                count=one["count"] or None,
            )
            for one in stored["cycles"]
        ],
        notes=stored["notes"],
    )


DISPOSITIONS: Mapping[str, Label] = {
    "1": Label(zh="医嘱离院", en="Discharged on the doctor's orders"),
    "2": Label(zh="医嘱转院", en="Transferred to another hospital"),
    "3": Label(zh="医嘱转社区卫生服务机构/乡镇卫生院", en="Handed to a community health institution"),
    "4": Label(zh="非医嘱离院", en="Left against medical advice"),
    "5": Label(zh="死亡", en="Died"),
    "9": Label(zh="其他", en="Another way"),
}
"""离院方式, CV06.00.226."""
