"""Rows of the directory as Organization, Practitioner with PractitionerRole, and CareTeam."""

from collections.abc import Iterator, Sequence

from adapters.files.bundles import FileBundle, Json, address, bundle, coded, extension, filled, identified, referred
from adapters.files.columns import ORGANISATIONS, PRACTITIONERS, TEAMS
from adapters.files.sheet import Row

CREDIT_CODE = "urn:oid:2.16.156.10011.1.5"


def organisation_bundles(rows: Sequence[Row]) -> Iterator[FileBundle]:
    """One bundle an organisation; an alliance comes before its members."""
    for row in _alliances_first(rows):
        yield bundle(ORGANISATIONS, row["id"], [row], [(row["id"], _organisation(row))])


def _alliances_first(rows: Sequence[Row]) -> list[Row]:
    """In the file's order, but each after the alliance that it names. A circle of alliances is left as it stands."""
    by_id = {row["id"]: row for row in rows}
    ordered: dict[str, Row] = {}
    for row in rows:
        chain: dict[str, Row] = {}
        above: Row | None = row
        while above is not None and above["id"] not in ordered and above["id"] not in chain:
            chain[above["id"]] = above
            above = by_id.get(above.get("alliance", ""))
        ordered |= dict(reversed(chain.items()))
    return list(ordered.values())


def _organisation(row: Row) -> Json:
    code = row.get("credit_code")
    types = [("kind", row["kind"]), ("level", row.get("level")), ("authority", row.get("authority"))]
    return filled(
        {
            "resourceType": "Organization",
            "identifier": identified("organisation", row["id"])
            + ([{"system": CREDIT_CODE, "value": code}] if code else []),
            "type": [coded(f"organisation-{name}", value) for name, value in types if value],
            "name": row["name"],
            "alias": [row["name_en"]] if row.get("name_en") else [],
            "telecom": _phone(row),
            "partOf": referred("Organization", row["alliance"]) if row.get("alliance") else None,
        }
    )


def _phone(row: Row) -> list[Json]:
    return [{"system": "phone", "value": row["phone"]}] if row.get("phone") else []


def practitioner_bundles(rows: Sequence[Row]) -> Iterator[FileBundle]:
    """One bundle a practitioner: who it is, and the post."""
    for row in rows:
        key = row["id"]
        yield bundle(PRACTITIONERS, key, [row], [(key, _practitioner(row)), (key, _post(row))])


def _practitioner(row: Row) -> Json:
    return {
        "resourceType": "Practitioner",
        "identifier": identified("practitioner", row["id"]),
        "name": [{"text": row["name"]}],
    }


def _post(row: Row) -> Json:
    return {
        "resourceType": "PractitionerRole",
        "identifier": identified("practitioner-role", row["id"]),
        "practitioner": {"reference": address("Practitioner", row["id"])},
        "organization": referred("Organization", row["organisation"]),
        "code": [filled({**coded("practitioner-role", row["role"]), "text": row.get("title")})],
    }


def team_bundles(teams: Sequence[Row], members: Sequence[Row], areas: Sequence[Row]) -> Iterator[FileBundle]:
    """One bundle a team: the team with its members and the areas that it looks after."""
    for row in teams:
        staff = [member for member in members if member["team"] == row["id"]]
        grid = [area for area in areas if area["team"] == row["id"]]
        yield bundle(TEAMS, row["id"], [row, *staff, *grid], [(row["id"], _team(row, staff, grid))])


def _team(row: Row, staff: Sequence[Row], grid: Sequence[Row]) -> Json:
    named = row.get("name_en")
    return filled(
        {
            "resourceType": "CareTeam",
            "extension": [
                *([extension("name-en", valueString=named)] if named else []),
                *(_area(area) for area in grid),
            ],
            "identifier": identified("team", row["id"]),
            "name": row["name"],
            "participant": [_member(member) for member in staff],
            "managingOrganization": [referred("Organization", row["organisation"])],
            "telecom": _phone(row),
        }
    )


def _area(row: Row) -> Json:
    parts = [{"url": "code", "valueString": row["code"]}, {"url": "name", "valueString": row["name"]}]
    return extension("area", extension=parts)


def _member(row: Row) -> Json:
    period = {
        name: row[column].isoformat() for name, column in (("start", "since"), ("end", "until")) if row.get(column)
    }
    return filled(
        {
            "role": [coded("practitioner-role", row["role"])],
            "member": referred("Practitioner", row["practitioner"]),
            "period": period,
        }
    )
