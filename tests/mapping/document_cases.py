"""The documents of the golden pairs: each kind that is read exactly, as two vendors write it."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from adapters.cda.document import read_whole
from fixtures.county.documents import WRITERS
from hub.record import Mapped, Reading
from tests.desk import mappings
from tests.mapping import cases
from tests.mapping.cases import RECEIVED, written
from tests.mapping.documents import DOCUMENTS

EMR = "renmin-emr"
GOLDEN = cases.GOLDEN / "documents"
DOCUMENT_CASES: Mapping[str, bytes] = {
    f"{kind.lower()}-{dialect}": write(document)
    for kind, document in DOCUMENTS.items()
    for dialect, write in WRITERS.items()
} | {file.stem: file.read_bytes() for file in sorted(GOLDEN.glob("other-*.xml"))}
"""What the county's two vendors write, and documents that were written by hand."""


def reading_of_document(name: str) -> Reading:
    """A golden document as the mapping reads it."""
    return mappings().cda[EMR].read(read_whole(DOCUMENT_CASES[name]), RECEIVED)


def mapped_of(reading: Reading) -> list[Mapped]:
    """Everything that a document becomes."""
    return [one for part in reading.parts for one in (part.demographics, *part.resources) if one]


def written_document(name: str) -> str:
    """A reading as it stands in a golden file: text as text, the original only named."""
    reading = reading_of_document(name)
    whole = json.loads(written(reading))
    for part in whole["parts"]:
        for one in part["mapped"]:
            for content in one["resource"].get("content", ()):
                _show(content["attachment"])
    whole["unaccounted"] = [f"{one.field} {one.where}" for one in reading.unaccounted]
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _show(attachment: dict[str, Any]) -> None:
    data = b64decode(attachment.pop("data"))
    attachment["says"] = data.decode().splitlines() if attachment["contentType"].startswith("text/plain") else len(data)


def regenerate() -> None:
    """Write the pairs anew."""
    for name, raw in DOCUMENT_CASES.items():
        (GOLDEN / f"{name}.xml").write_bytes(raw)
        (GOLDEN / f"{name}.json").write_text(written_document(name), encoding="utf-8")
