"""Forms of public health through the whole way of a message: once in the record, corrected when they are corrected."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.files.bundles import FileBundle
from adapters.files.reading import Checks, read_files
from adapters.files.sheet import NamedFile
from hub.ids import new_id
from hub.intake import work
from hub.message import Transport
from hub.store import inbox
from tests.desk import county_desk, rows, sources

SOURCE = "nanshan-phs"
HEAD = "健康档案编号,姓名,随访日期,收缩压,舒张压,体重,摄盐情况,此次随访分类\n"


def bundles(row: str) -> tuple[FileBundle, ...]:
    checks = Checks(is_number=lambda *_: True, validate=lambda _: None)
    found = read_files([NamedFile(name="gxy.csv", raw=(HEAD + row).encode())], sources()[SOURCE], checks)
    assert not found.faults, [str(fault) for fault in found.faults]
    return found.bundles


async def load(engine: AsyncEngine, row: str) -> None:
    arrivals = [(new_id(), one.arrival(sources()[SOURCE], Transport.FILE)) for one in bundles(row)]
    async with engine.begin() as connection:
        await inbox.keep(connection, arrivals)
    while await work(engine, county_desk()):
        pass
    async with engine.connect() as connection:
        fates = await inbox.find_fates(connection, [key for key, _ in arrivals])
    assert [row["refusal"] for row in fates.values()] == [None]


async def record(engine: AsyncEngine) -> Mapping[str, tuple[str | None, str | None]]:
    found = await rows(engine, "select display, value, unit from observation order by display")
    return {row["display"]: (row["value"], row["unit"]) for row in found}


async def test_a_form_is_in_the_record_once_and_its_correction_takes_its_place(engine: AsyncEngine) -> None:
    row = "37109910210100013,测试甲,2026-03-05,{},92,65,轻,控制不满意\n"
    for _ in range(2):
        await load(engine, row.format(148))
        assert await record(engine) == {
            "血压": ("148/92", "mmHg"),
            "体重": ("65", "kg"),
            "高血压随访": ("控制不满意", None),
        }
    await load(engine, row.format(142))
    assert (await record(engine))["血压"] == ("142/92", "mmHg")
    (kept,) = await rows(engine, "select count(distinct key) as n from fact where kind = 'QuestionnaireResponse'")
    assert kept["n"] == 1
