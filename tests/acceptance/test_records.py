"""``hub record rebuild`` as people type it."""

import json
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import story
from tests.acceptance.hub_process import environment_of, run_hub
from tests.conftest import Urls
from tests.desk import deliver, rows


async def test_records_are_looked_at_mended_and_found_whole(
    engine: AsyncEngine, database: Urls, tmp_path: Path
) -> None:
    await deliver(engine, story())
    [one, *_] = await rows(engine, "select resident_id as id from condition order by 1")
    environment = environment_of(tmp_path / "home", HUB_DATABASE_URL=database.application)
    async with engine.begin() as connection:
        given = {"id": one["id"]}
        await connection.execute(text("update condition set display = 'spoilt' where resident_id = :id"), given)
    looked = run_hub(environment, "record", "rebuild", "--check")
    assert (looked.returncode, "nothing written; these differed: Condition" in looked.stdout) == (1, True)
    mended = run_hub(environment, "record", "rebuild", "--resident", str(one["id"]), "--json")
    told = json.loads(mended.stdout)
    assert (told["residents"], list(told["changed"])) == (1, ["Condition"])
    whole = run_hub(environment, "record", "rebuild", "--check")
    assert (whole.returncode, "all of them are what the facts say" in whole.stdout) == (0, True)
    unknown = run_hub(environment, "record", "rebuild", "--resident", "00000000-0000-0000-0000-000000000001")
    assert unknown.returncode == 1
