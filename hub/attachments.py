"""The text of a document that came as an attachment (FHIR R4 2.24.0.8)."""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from typing import Any

_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)


def attached_text(attachment: Mapping[str, Any]) -> str | None:
    """What a plain text says; None for pictures, PDF and whatever does not decode: those stay in the resource.

    The charset is the one that the content type names, else UTF-8 (FHIR R4 2.24.0.8.1). U+0000 is left out, which
    PostgreSQL cannot hold.
    """
    kind, data = str(attachment.get("contentType", "")), attachment.get("data")
    if not data or kind.partition(";")[0].strip().lower() != "text/plain":
        return None
    named = _CHARSET.search(kind)
    try:
        text = b64decode("".join(str(data).split()), validate=True).decode(named[1] if named else "utf-8")
    except (Error, LookupError, UnicodeDecodeError):
        return None
    return text.replace("\0", "") or None
