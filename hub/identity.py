"""Whose record is it? The simplest honest form: citizen ID number, then health-record number, then the source's own
number; else a new resident. Every decision carries a grade and a reason.

A citizen ID number proves a person only where its birth date is the patient's own: hospitals send the mother's number
for a newborn. Such a number is not used, and the reason says so.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from hub.mapping.codes import IdentifierKind
from hub.matching.names import is_newborn, plain
from hub.matching.numbers import CITIZEN_KINDS, are_two, citizen_ids_of, is_own, numbers_in
from hub.matching.person import is_whole
from hub.message import Source
from hub.record import Grade, Identifier, Json


class Reason(StrEnum):
    """Why a patient is linked to a resident; `SENTENCES` says it to people."""

    SAME_CITIZEN_ID = "same-citizen-id"
    SAME_CITIZEN_ID_OTHER_BIRTH_DATE = "same-citizen-id-other-birth-date"
    SAME_HEALTH_RECORD = "same-health-record-number"
    SAME_DOCUMENT = "same-document-number"
    SAME_LOCAL_NUMBER = "same-local-number"
    NEW_WITH_PROOF = "new-with-proof"
    NEW_WITHOUT_PROOF = "new-without-proof"
    NEW_UNDER_ANOTHERS_NUMBER = "new-under-anothers-number"
    MERGED_BY_SOURCE = "merged-by-source"
    LINKED_BY_SOURCE = "linked-by-source"
    UNLINKED_BY_SOURCE = "unlinked-by-source"
    RESEMBLES_CERTAINLY = "resembles-certainly"
    RESEMBLES_PROBABLY = "resembles-probably"
    RESEMBLANCE_ENDED = "resemblance-ended"
    HUBS_OWN = "hubs-own"
    GOES_ALONG = "goes-along"
    PERSON_SAYS_SAME = "person-says-same"
    PERSON_SAYS_DIFFERENT = "person-says-different"
    PERSON_UNDID = "person-undid"


SENTENCES: Mapping[Reason, tuple[str, str]] = MappingProxyType(
    {
        Reason.SAME_CITIZEN_ID: (
            "Same citizen ID number, check digit right; the birth date agrees with it.",
            "公民身份号码相同且校验码正确，出生日期与号码一致。",
        ),
        Reason.SAME_CITIZEN_ID_OTHER_BIRTH_DATE: (
            "Same citizen ID number and same name; the birth date that was sent differs from the number's.",
            "公民身份号码与姓名相同，但所报出生日期与号码不一致。",
        ),
        Reason.SAME_HEALTH_RECORD: (
            "Same health-record number, and the name or the birth date is equal.",
            "居民健康档案编号相同，且姓名或出生日期一致。",
        ),
        Reason.SAME_DOCUMENT: (
            "Same number of a passport, travel permit or certificate, and the name or the birth date is equal.",
            "护照、通行证或出生证明号码相同，且姓名或出生日期一致。",
        ),
        Reason.SAME_LOCAL_NUMBER: (
            "The source's own patient number is the one that it used before.",
            "与该来源此前使用的本院患者号相同。",
        ),
        Reason.NEW_WITH_PROOF: (
            "Nobody was known by this person's numbers, so a new resident was opened under them.",
            "平台内无人使用这些证件号码，已据此新建居民。",
        ),
        Reason.NEW_WITHOUT_PROOF: (
            "No number that leads beyond the source was sent, so a new resident was opened.",
            "未提供可跨机构识别的号码，已新建居民。",
        ),
        Reason.NEW_UNDER_ANOTHERS_NUMBER: (
            "The citizen ID number that was sent belongs to another birth date (a mother's number on a newborn, or an "
            "error), so it was not used and a new resident was opened.",
            "所报公民身份号码的出生日期与本人不符（如新生儿使用母亲号码或填写错误），未采用该号码，已新建居民。",
        ),
        Reason.MERGED_BY_SOURCE: (
            "The source merged this patient's number into another of its numbers (A40).",
            "来源系统已将该患者号合并到其另一患者号（A40）。",
        ),
        Reason.LINKED_BY_SOURCE: (
            "The source linked this patient's number with another of its numbers; both stay in use (A24).",
            "来源系统已声明该患者号与其另一患者号属于同一人，两个号码均继续使用（A24）。",
        ),
        Reason.UNLINKED_BY_SOURCE: (
            "The source said that this patient and the one it had linked it with are two persons (A37).",
            "来源系统已声明该患者与此前关联的患者不是同一人（A37）。",
        ),
        Reason.RESEMBLES_CERTAINLY: (
            "No number of this patient leads to the resident, but what was sent of both leaves no doubt that they are "
            "one person.",
            "没有可直接对应的证件号码，但双方所报信息足以确定为同一人。",
        ),
        Reason.RESEMBLES_PROBABLY: (
            "No number of this patient leads to the resident, but what was sent of both makes it probable that they "
            "are one person.",
            "没有可直接对应的证件号码，但双方所报信息表明很可能为同一人。",
        ),
        Reason.RESEMBLANCE_ENDED: (
            "The patient had been linked by resemblance alone; what came later says that it is somebody else.",
            "该患者此前仅凭信息相似归入他人名下，后来收到的信息表明并非同一人，现已分开。",
        ),
        Reason.HUBS_OWN: (
            "The hub's own: what the resident's family-doctor team measured.",
            "平台自有：居民的家庭医生团队所测。",
        ),
        Reason.GOES_ALONG: (
            "Every source's patient of this resident moved here, and with them what the resident's team measured.",
            "该居民在各来源的患者均已归入此处，团队所测数据一并归入。",
        ),
        Reason.PERSON_SAYS_SAME: (
            "A person looked at both sides and decided that they are one person.",
            "经人工核对双方信息，判定为同一人。",
        ),
        Reason.PERSON_SAYS_DIFFERENT: (
            "A person looked at both sides and decided that they are not one person.",
            "经人工核对双方信息，判定不是同一人。",
        ),
        Reason.PERSON_UNDID: (
            "A person undid a decision, so the patient stands where it stood before.",
            "人工撤销了此前的判定，该患者恢复到原归属。",
        ),
    }
)

RESEMBLANCE = frozenset({Reason.RESEMBLES_CERTAINLY, Reason.RESEMBLES_PROBABLY})
"""Links that rest on nothing but what two patients have in common."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proofs:
    """Numbers that lead across sources: those that are the person's own, and those of another birth date."""

    own: tuple[Identifier, ...] = ()
    anothers: tuple[Identifier, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """The resident who is known by a number, and the citizen ID numbers that they hold."""

    resident_id: UUID
    name: str
    birth_date: str
    citizen_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Whom a patient is linked to; `resident_id` None means a new resident."""

    resident_id: UUID | None
    grade: Grade
    reason: Reason


def proofs_of(patient: Json, source: Source, kinds: Mapping[str, IdentifierKind]) -> Proofs:
    """The strong numbers of a Patient resource, normalised."""
    own: list[Identifier] = []
    anothers: list[Identifier] = []
    born, newborn = str(patient.get("birthDate") or ""), is_newborn(plain(name_of(patient)))
    for proof in numbers_in(patient.get("identifier") or (), source, kinds):
        if kinds[proof.kind].strength == "strong":
            (own if is_own(proof, born, newborn) else anothers).append(proof)
    return Proofs(own=_once(own), anothers=_once(anothers))


def decide(
    proofs: Proofs,
    patient: Json,
    holders: Mapping[tuple[str, str], Holder],
    *,
    linked_to: UUID | None,
    linked_citizen_ids: Collection[str],
) -> Decision:
    """Whom a source's patient is.

    `holders` are the residents known by any of the proofs, by system and value. A patient who is linked already
    stays so unless a citizen ID number leads elsewhere and the resident at hand has none. That the patient is not
    somebody else altogether (`is_another`) is asked before.
    """
    found = _by_proof(proofs, patient, holders)
    if linked_to is None:
        return found or _new(proofs)
    moves = found is not None and found.resident_id != linked_to and not linked_citizen_ids
    if found is not None and (moves or found.resident_id == linked_to):
        return found
    return Decision(resident_id=linked_to, grade=Grade.CERTAIN, reason=Reason.SAME_LOCAL_NUMBER)


def is_another(proofs: Proofs, citizen_ids: Collection[str]) -> bool:
    """Whether these numbers belong to somebody else than the holder of `citizen_ids`: both hold citizen ID numbers of
    one kind, and share none."""
    return are_two(citizen_ids_of(proofs.own), citizen_ids)


def is_corrected(name: str, birth_date: str, told: Json) -> bool:
    """Whether a patient's other citizen ID number is the same person's, corrected: their name and whole birth date are
    those that are known. Two namesakes born on one day under one local number would have to meet for it to be wrong."""
    born = str(told.get("birthDate", ""))
    return bool(name) and is_whole(born) and name_of(told) == name and born == birth_date


def name_of(patient: Json) -> str:
    """The name by which a Patient resource calls the person; "" where it has none."""
    for name in patient.get("name") or ():
        parts = [str(part) for part in (*(name.get("given") or ()), name.get("family")) if part]
        if all(part.isascii() for part in parts):
            text = str(name.get("text") or " ".join(parts))
        else:  # a Chinese name has its family name first, and no spaces
            text = str(name.get("text") or "".join((*parts[-1:], *parts[:-1])))
        if text:
            return "".join(text.split()) if not text.isascii() else text
    return ""


def _by_proof(proofs: Proofs, patient: Json, holders: Mapping[tuple[str, str], Holder]) -> Decision | None:
    for proof in sorted(proofs.own, key=lambda proof: proof.kind not in CITIZEN_KINDS):
        holder = holders.get((proof.system, proof.value))
        if holder is None:
            continue
        if proof.kind in CITIZEN_KINDS:
            return Decision(resident_id=holder.resident_id, grade=Grade.CERTAIN, reason=Reason.SAME_CITIZEN_ID)
        if is_another(proofs, holder.citizen_ids):
            continue
        if _same_name(patient, holder) or patient.get("birthDate") == holder.birth_date:
            reason = Reason.SAME_HEALTH_RECORD if proof.kind == "health-record-number" else Reason.SAME_DOCUMENT
            return Decision(resident_id=holder.resident_id, grade=Grade.CERTAIN, reason=reason)
    for proof in proofs.anothers:
        holder = holders.get((proof.system, proof.value))
        if holder and _same_name(patient, holder):
            return Decision(
                resident_id=holder.resident_id,
                grade=Grade.PROBABLE,
                reason=Reason.SAME_CITIZEN_ID_OTHER_BIRTH_DATE,
            )
    return None


def _same_name(patient: Json, holder: Holder) -> bool:
    return bool(holder.name) and name_of(patient) == holder.name


def _new(proofs: Proofs) -> Decision:
    if proofs.own:
        return Decision(resident_id=None, grade=Grade.CERTAIN, reason=Reason.NEW_WITH_PROOF)
    reason = Reason.NEW_UNDER_ANOTHERS_NUMBER if proofs.anothers else Reason.NEW_WITHOUT_PROOF
    return Decision(resident_id=None, grade=Grade.CERTAIN, reason=reason)


def _once(proofs: Iterable[Identifier]) -> tuple[Identifier, ...]:
    return tuple(dict.fromkeys(proofs))
