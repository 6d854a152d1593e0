"""A FHIR document as people read it."""

from base64 import b64decode
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from hub.mapping.compositions import document_of, narrative

SUMMARY: dict[str, Any] = {
    "resourceType": "Composition",
    "identifier": {"system": "urn:docs", "value": "D1"},
    "status": "final",
    "type": {"text": "出院小结"},
    "subject": {"reference": "urn:uuid:1"},
    "date": "2026-02-06T10:00:00+08:00",
    "author": [{"display": "时砚秋"}],
    "title": "出院小结",
    "section": [
        {"title": "诊断", "text": {"status": "generated", "div": "<div><p>脑梗死</p><p>高血压 &amp; 糖尿病</p></div>"}},
        {"title": "医嘱", "section": [{"title": "复诊", "text": {"status": "generated", "div": "<div>两周后</div>"}}]},
    ],
}


def text_of(resource: dict[str, Any]) -> str:
    return b64decode(resource["content"][0]["attachment"]["data"]).decode()


def test_a_composition_becomes_a_document_with_its_narratives() -> None:
    found = document_of(SUMMARY, "Bundle.entry[0].resource", "urn:docs|D1")
    get_fhir_model_class("DocumentReference").model_validate(found.resource)
    assert found.resource["masterIdentifier"]["value"] == "D1"
    assert (found.resource["docStatus"], found.resource["description"]) == ("final", "出院小结")
    assert text_of(found.resource).splitlines() == [
        "【诊断】",
        "脑梗死",
        "高血压 & 糖尿病",
        "【医嘱】",
        "【复诊】",
        "两周后",
    ]
    assert {trace.target for trace in found.traces} >= {"masterIdentifier", "author", "content"}


def test_a_composition_that_was_a_mistake_is_a_document_that_was() -> None:
    wrong = document_of({**SUMMARY, "status": "entered-in-error"}, "", "k")
    assert wrong.resource["status"] == "entered-in-error"


@pytest.mark.parametrize("date", ["2026-02-06", "2026", None])
def test_a_day_alone_is_no_instant(date: str | None) -> None:
    assert "date" not in document_of({**SUMMARY, "date": date}, "", "k").resource


@pytest.mark.parametrize(
    ("div", "text"),
    [
        ("<div>a<br/>b</div>", "a\nb"),
        ("<table><tr><td>血糖</td><td>9.4</td></tr></table>", "血糖 9.4"),
        ("<div>  a \n  b </div>", "a\nb"),
        ("", ""),
        ("<p>open", "open"),
    ],
)
def test_a_narrative_is_read_line_by_line(div: str, text: str) -> None:
    assert narrative(div) == text
