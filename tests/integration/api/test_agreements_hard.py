"""Agreements over the real API: what is out of bounds, sent twice, or about somebody who has died."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.ids import new_id
from hub.tables import resident
from tests.integration.api.conftest import Asker, Ward
from tests.integration.api.test_agreements_api import RENEW, SIGN, TRANSFER, county, gid, other, refusal, signed

__all__ = ["county", "other"]

DAYS = ("0001-01-01", "1899-12-31", "2201-01-01", "9999-12-31")


async def test_days_beyond_the_calendar_are_refused_wherever_they_are_given(doctor: Asker, ward: Ward) -> None:
    who, one = gid("Resident", await ward.admit(team=None)), await signed(doctor, await ward.admit(team=None))
    for day in DAYS:
        for name in ("beginsOn", "endsOn"):
            said = await refusal(doctor, SIGN, residentId=who, **{name: day})
            assert (said["code"], said["where"]) == ("bad-argument", name)
        assert (await refusal(doctor, RENEW, agreementId=one["id"], endsOn=day))["code"] == "bad-argument"
        given = {"agreementId": one["id"], "toTeamId": "team-2", "endsOn": day}
        assert (await refusal(doctor, TRANSFER, **given))["code"] == "bad-argument"


@pytest.mark.parametrize("name", ["number", "household", "organisationId", "practitionerId"])
async def test_numbers_and_ids_that_are_too_long_are_refused(doctor: Asker, ward: Ward, name: str) -> None:
    said = await refusal(doctor, SIGN, residentId=gid("Resident", await ward.admit(team=None)), **{name: "号" * 201})
    assert (said["code"], said["where"]) == ("bad-argument", name)


@pytest.mark.parametrize(
    "input",
    [{}, {"beginsOn": "2000-01-01"}, {"combination": ["nowhere"]}, {"kind": "SUPPLEMENTARY"}, {"endsOn": "2026-01-01"}],
)
async def test_who_signs_for_somebody_who_has_died_learns_no_more_than_of_a_stranger(
    doctor: Asker, ward: Ward, input: dict[str, Any]
) -> None:
    dead, nobody = gid("Resident", await ward.admit(team=None, deceased=True)), gid("Resident", new_id())
    said = await refusal(doctor, SIGN, residentId=dead, **input)
    assert said["code"] == "nobody-to-sign"
    assert said == await refusal(doctor, SIGN, residentId=nobody, **input)


async def test_who_takes_over_somebody_who_has_died_learns_no_more_than_of_a_stranger(other: Asker, ward: Ward) -> None:
    """Not even that a consent would be needed."""
    dead, nobody = gid("Resident", await ward.admit(deceased=True)), gid("Resident", new_id())
    said = await refusal(other, TRANSFER, residentId=dead)
    assert said["code"] == "nobody-to-sign"
    assert said == await refusal(other, TRANSFER, residentId=nobody)


async def test_an_agreement_is_not_renewed_for_somebody_who_has_died(
    doctor: Asker, ward: Ward, engine: AsyncEngine
) -> None:
    one = await signed(doctor, await ward.admit(team=None))
    async with engine.begin() as connection:
        await connection.execute(update(resident).values(deceased=True))
    assert (await refusal(doctor, RENEW, agreementId=one["id"]))["code"] == "resident-deceased"


async def test_the_same_supplementary_agreement_is_signed_once_though_sent_thrice(doctor: Asker, ward: Ward) -> None:
    given = {"residentId": gid("Resident", await ward.admit()), "kind": "SUPPLEMENTARY", "packages": ["康复"]}
    course = {**given, "endsOn": "2026-12-31"}
    asked = (doctor.ask(SIGN, input=course) for _ in range(3))
    done = [one["signAgreement"] for one in await asyncio.gather(*asked)]
    assert sorted(one.get("code", "won") for one in done) == ["signed-twice", "signed-twice", "won"]
    for other_course in (
        {**course, "packages": ["护理"]},
        {**course, "beginsOn": "2027-01-01", "endsOn": "2027-02-01"},
    ):
        assert "agreement" in (await doctor.ask(SIGN, input=other_course))["signAgreement"]
