"""Who plays in the demo, with tokens as the site would sign them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from fixtures.county import organisations, teams
from hub.access import Role, Viewer
from hub.app import Running
from hub.demo.asking import FrontEnd

HOSPITAL = "renmin"


def base_of(up: Running) -> str:
    """Where the hub's HTTP doors are."""
    return f"http://{up.hub.settings.bind}:{up.http_port}"


def token_of(up: Running, viewer: Viewer) -> str:
    """A bearer token."""
    return up.hub.keyring.issue(viewer, now=datetime.now(UTC))


def sender(source: str) -> Viewer:
    """A source's service account."""
    return Viewer(id=source, name=source, role=Role.HOSPITAL_SOURCE, source=source)


def members(role: Role) -> Sequence[Viewer]:
    """The family doctor, or the nurse, of each team of the county."""
    suffix = "doctor" if role is Role.FAMILY_DOCTOR else "nurse"
    return [
        Viewer(
            id=f"{team.slug}-{suffix}",
            name=team.doctor if role is Role.FAMILY_DOCTOR else team.nurse,
            role=role,
            organisation=team.organisation,
            team=team.slug,
        )
        for team in teams().values()
    ]


def desk() -> Viewer:
    """The referral desk of the county's hospital."""
    name = organisations()[HOSPITAL].name
    return Viewer(id=f"{HOSPITAL}-desk", name=f"{name}转诊办", role=Role.HOSPITAL_DESK, organisation=HOSPITAL)


def front_ends(up: Running, role: Role) -> Sequence[FrontEnd]:
    """A front end for each of them, in the order of `members`."""
    return [front_end(up, viewer) for viewer in members(role)]


def front_end(up: Running, viewer: Viewer) -> FrontEnd:
    """What somebody asks with."""
    return FrontEnd(base=base_of(up), token=token_of(up, viewer), name=viewer.name)
