"""``GET /fhir/metadata``: what this door takes, as a CapabilityStatement (FHIR R4 5.2). It claims nothing else."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

FHIR_VERSION = "4.0.1"
FORMATS = ("application/fhir+json", "application/json")
"""The media types that are taken; answers are in the first."""
INTERACTIONS = ("create", "update")
PROCESS_MESSAGE = "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"

_SECURITY = (
    "Each request carries a bearer token (RFC 6750) of a source that the site has registered; it names the source, and "
    "what the source has a say in is written in its profile. / 每个请求须携带本平台登记来源的 Bearer 令牌；"
    "来源可提供的内容由其配置决定。"
)
_DOOR = (
    "A door for what hospitals send: resources come in and are merged into residents' records; nothing is searched "
    "here. A request is answered once it is merged, with 202 and a status address where that takes long or "
    "Prefer: respond-async asks for it. Idempotency-Key, gzip and deflate are understood. / 医院数据的接入口："
    "资源接收后并入居民档案，此处不提供检索。合并完成后返回真实结果；"
    "耗时较长或指定 Prefer: respond-async 时返回 202 与状态地址。"
    "支持 Idempotency-Key、gzip 与 deflate。"
)
_RESOURCE = (
    "A resource is told apart by what its source calls it, so creating it again updates it. Conditional create and "
    "update take one condition, identifier=SYSTEM|VALUE of an identifier that the resource carries; a match is "
    "updated, where R4 would leave it as it is upon create. / 资源以来源自身的编号区分，重复新建即为更新。"
    "条件新建与条件更新仅接受 identifier=SYSTEM|VALUE；已存在时按更新处理。"
)
_MESSAGE = (
    "The resources of a message are taken as those of a transaction; the event is not interpreted. / "
    "消息中的资源按事务处理，不解释事件类型。"
)

_READING = (
    "By a resident's id, for whoever has a relation to them (agreement, follow-up, referral): the token of a family "
    "doctor, a nurse or a hospital desk. Each reading is audited before it is answered. / "
    "按居民 id 读取，仅限与其有签约、随访或转诊关系的人员（家庭医生、护士或医院转诊台的令牌）；"
    "每次读取先留审计记录再返回。"
)
RECORD_OPERATIONS: Mapping[str, str] = MappingProxyType(
    {
        "everything": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
        "summary": "http://hl7.org/fhir/uv/ips/OperationDefinition/summary",
    }
)
"""What is read of a resident, where the hub has a door for it: parameters _count, _type and _since of $everything."""


def capability_statement(
    supported: Iterable[str], *, address: str, at: datetime, operations: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """The statement of the door at `address` (``https://host/fhir``), which takes these resource types since `at`, and
    offers these operations on a Patient."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": at.isoformat(timespec="seconds"),
        "kind": "instance",
        "implementation": {"description": _DOOR, "url": address},
        "fhirVersion": FHIR_VERSION,
        "format": list(FORMATS),
        "rest": [
            {
                "mode": "server",
                "documentation": _DOOR,
                "security": {"cors": False, "description": _SECURITY},
                "resource": [_resource(kind, operations) for kind in sorted(supported)],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
                "operation": [{"name": "process-message", "definition": PROCESS_MESSAGE, "documentation": _MESSAGE}],
            }
        ],
    }


def _resource(kind: str, operations: Mapping[str, str]) -> dict[str, Any]:
    offered = [
        {"name": name, "definition": definition, "documentation": _READING} for name, definition in operations.items()
    ]
    return {
        "type": kind,
        "documentation": _RESOURCE,
        "interaction": [{"code": code} for code in INTERACTIONS],
        "versioning": "no-version",
        "readHistory": False,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "not-supported",
        "conditionalUpdate": True,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "logical"],
        **({"operation": offered} if kind == "Patient" and offered else {}),
    }
