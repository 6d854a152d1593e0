"""``hub identity match`` and ``hub identity refresh``, beside a database of a site."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.acceptance.test_messages import environment, run
from tests.desk import counts, deliver, incurious_desk, rows
from tests.integration.test_recognising import RENMIN, SOMEBODY, says

pytestmark = pytest.mark.long
__all__ = ["environment"]

TOLD = ["--name", SOMEBODY.name, "--born", SOMEBODY.birth_date.isoformat(), "--phone", SOMEBODY.phone]


async def test_patients_of_before_are_entered_and_found(engine: AsyncEngine, environment: Mapping[str, str]) -> None:
    await deliver(engine, [says(RENMIN, SOMEBODY, 1)], desk=incurious_desk())
    assert json.loads(run(environment, "identity", "match", "--as", "steward", *TOLD, "--json").stdout) == []
    assert json.loads(run(environment, "identity", "refresh", "--json").stdout) == {"entered": 1}
    assert json.loads(run(environment, "identity", "refresh", "--json").stdout) == {"entered": 0}
    before = await counts(engine)
    (found,) = json.loads(run(environment, "identity", "match", "--as", "steward", *TOLD, "--json").stdout)
    assert found["grade"] in ("certain", "probable")
    assert found["source"] == RENMIN
    assert found["score"] == pytest.approx(sum(weight["bits"] for weight in found["weights"]), abs=0.1)
    assert await counts(engine) == before
    asked = await rows(engine, "select viewer, role, operation, residents from audit order by id desc limit 1")
    assert (asked[0]["viewer"], asked[0]["role"]) == ("steward", "administrator")
    assert [str(one) for one in asked[0]["residents"]] == [found["resident_id"]]


async def test_somebody_may_be_told_as_a_fhir_patient(
    engine: AsyncEngine, environment: Mapping[str, str], tmp_path: Path
) -> None:
    await deliver(engine, [says(RENMIN, SOMEBODY, 1)])
    file = tmp_path / "patient.json"
    told = {"resourceType": "Patient", "name": [{"text": SOMEBODY.name}], "birthDate": SOMEBODY.birth_date.isoformat()}
    file.write_text(json.dumps(told), encoding="utf-8")
    done = run(environment, "identity", "match", file, "--as", "steward")
    assert done.returncode == 0
    assert "possible" in done.stdout or "probable" in done.stdout


@pytest.mark.parametrize(
    ("words", "says_"),
    [([], "telephone"), (["--number", "43"], "--number"), (["--number", "shoe-size=43"], "identifiers")],
)
async def test_what_nobody_can_be_looked_for_by_is_refused(
    environment: Mapping[str, str], words: list[str], says_: str
) -> None:
    done = run(environment, "identity", "match", "--as", "steward", *words)
    assert done.returncode == 1
    assert says_ in done.stderr
