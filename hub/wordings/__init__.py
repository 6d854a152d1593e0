"""What every refusal says, in Chinese and English, one file a subject."""

from collections.abc import Mapping
from types import MappingProxyType

from hub.wordings.agreements import AGREEMENTS
from hub.wordings.alerts import ALERTS
from hub.wordings.asking import ASKING
from hub.wordings.changing import CHANGING
from hub.wordings.collecting import COLLECTING
from hub.wordings.content import CONTENT
from hub.wordings.documents import DOCUMENTS
from hub.wordings.fhir import FHIR
from hub.wordings.fhir_door import FHIR_DOOR
from hub.wordings.files import FILES
from hub.wordings.followups import FOLLOWUPS
from hub.wordings.identity import IDENTITY
from hub.wordings.inbox import INBOX
from hub.wordings.messages import MESSAGES
from hub.wordings.policy import POLICY
from hub.wordings.profiles import PROFILES
from hub.wordings.referrals import REFERRALS
from hub.wordings.site import SITE
from hub.wordings.slots import SLOTS
from hub.wordings.wire import WIRE
from hub.wordings.wording import Wording

SUBJECTS = (
    WIRE,
    INBOX,
    MESSAGES,
    CONTENT,
    FHIR,
    FHIR_DOOR,
    DOCUMENTS,
    FILES,
    COLLECTING,
    ASKING,
    CHANGING,
    AGREEMENTS,
    FOLLOWUPS,
    SLOTS,
    REFERRALS,
    POLICY,
    SITE,
    PROFILES,
    ALERTS,
    IDENTITY,
)
WORDINGS: Mapping[str, Wording] = MappingProxyType({code: said for of in SUBJECTS for code, said in of.items()})
