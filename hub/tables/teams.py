"""Who serves whom: organisations, teams, and their agreements with residents."""

from sqlalchemy import ARRAY, CheckConstraint, Column, Date, ForeignKey, Index, Integer, Table, Text, Uuid, text

from hub.tables.inbox import message
from hub.tables.naming import INSTANT, metadata
from hub.tables.record import resident

organisation = Table(
    "organisation",
    metadata,
    Column("id", Text, primary_key=True, comment="the site's short code; the organisation's own in every message"),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False, server_default=""),
    Column("kind", Text, nullable=False),
    Column("level", Integer, comment="1 primary, 2 secondary, 3 tertiary (医院等级)"),
    Column("authority", Text, nullable=False, server_default="", comment="county, district, city, province"),
    Column("alliance_id", Text, ForeignKey("organisation.id"), comment="the alliance (医联体) it belongs to"),
    Column("credit_code", Text, nullable=False, server_default="", comment="统一社会信用代码, GB 32100"),
    Column("phone", Text, nullable=False, server_default=""),
    Column("message_id", Uuid, ForeignKey(message.c.id)),
    Column("changed_at", INSTANT, nullable=False, server_default=text("now()")),
    CheckConstraint(
        "kind in ('hospital', 'community-health-centre', 'clinic', 'alliance', 'other')", name="known_kind"
    ),
    CheckConstraint("level between 1 and 3", name="known_level"),
    comment="Hospitals, community health centres, clinics, their alliances, and functional communities (功能社区).",
)

practitioner = Table(
    "practitioner",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organisation_id", Text, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False, comment="family-doctor, nurse, public-health-physician, specialist, ..."),
    Column("title", Text, nullable=False, server_default="", comment="职称"),
    Column("message_id", Uuid, ForeignKey(message.c.id)),
    Column("changed_at", INSTANT, nullable=False, server_default=text("now()")),
    comment="Who works where, as what.",
)

team = Table(
    "team",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organisation_id", Text, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False, server_default=""),
    Column("phone", Text, nullable=False, server_default=""),
    Column("message_id", Uuid, ForeignKey(message.c.id)),
    Column("changed_at", INSTANT, nullable=False, server_default=text("now()")),
    comment="Family-doctor teams.",
)

team_member = Table(
    "team_member",
    metadata,
    Column("team_id", Text, ForeignKey("team.id"), primary_key=True),
    Column("practitioner_id", Text, ForeignKey("practitioner.id"), primary_key=True),
    Column("role", Text, nullable=False, comment="leader, nurse, public-health-physician, specialist, ..."),
    Column("since", Date),
    Column("until", Date),
    Index(None, "practitioner_id"),
    comment="Who belongs to a team.",
)

area = Table(
    "area",
    metadata,
    Column("id", Text, primary_key=True),
    Column("team_id", Text, ForeignKey("team.id"), nullable=False, index=True),
    Column("name", Text, nullable=False, comment="as it stands in addresses: 东城街道海棠路"),
    comment="Grid areas (网格) and the team that looks after each.",
)

agreement = Table(
    "agreement",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Text, nullable=False, unique=True, comment="its signer's own, or the hub's"),
    Column("kind", Text, nullable=False, comment="primary, or supplementary for one disease"),
    Column("provider_kind", Text, nullable=False),
    Column("provider_id", Text, nullable=False, comment="of a team, a practitioner, or an alliance"),
    Column("team_id", Text, ForeignKey("team.id"), index=True, comment="who serves; null where an alliance does"),
    Column("organisation_id", Text, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("client_kind", Text, nullable=False),
    Column("client_id", Text, nullable=False, comment="a resident's uuid, a household's number, an organisation's id"),
    Column("packages", ARRAY(Text), nullable=False, server_default="{}", comment="service packages (服务包)"),
    Column("combination", ARRAY(Text), nullable=False, server_default="{}", comment="hospitals of 1+1, 1+1+1"),
    Column("state", Text, nullable=False),
    Column("term", Integer, nullable=False, comment="number of the present term"),
    Column("begins_on", Date, nullable=False, comment="of the present term"),
    Column("ends_on", Date, nullable=False, comment="last day of the present term"),
    Column("ended_on", Date),
    Column("end_reason", Text, nullable=False, server_default=""),
    Column("previous_id", Uuid, ForeignKey("agreement.id"), comment="the agreement that a transfer ended"),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("message_id", Uuid, ForeignKey(message.c.id)),
    Column("told_at", INSTANT, comment="of its newest version, where a signing system keeps it"),
    Column("created_at", INSTANT, nullable=False, server_default=text("now()")),
    Column("changed_at", INSTANT, nullable=False, server_default=text("now()")),
    CheckConstraint("kind in ('primary', 'supplementary')", name="known_kind"),
    CheckConstraint("provider_kind in ('team', 'practitioner', 'alliance')", name="known_provider"),
    CheckConstraint("client_kind in ('resident', 'household', 'organisation')", name="known_client"),
    CheckConstraint("ends_on >= begins_on", name="whole_term"),
    Index("ix_agreement_signed", "begins_on", postgresql_where=text("state = 'signed'")),
    Index("ix_agreement_ending", "ends_on", postgresql_where=text("ended_on is null")),
    Index("ix_agreement_alliance", "provider_id", postgresql_where=text("provider_kind = 'alliance'")),
    comment="Signed agreements (家庭医生签约服务协议): who serves whom, for how long.",
)

agreement_term = Table(
    "agreement_term",
    metadata,
    Column("agreement_id", Uuid, ForeignKey("agreement.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("begins_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("signed_at", INSTANT, nullable=False),
    Column("signed_by", Text, nullable=False),
    Column("rule", Text, nullable=False, comment="region and clause that the length follows"),
    Column("deviation", Text, nullable=False, server_default="", comment="why it departs from a rule of principle"),
    comment="Each term of an agreement: the first, and its renewals. Append-only for the application role.",
)

coverage = Table(
    "coverage",
    metadata,
    Column("agreement_id", Uuid, ForeignKey("agreement.id"), primary_key=True),
    Column("resident_id", Uuid, ForeignKey(resident.c.id), primary_key=True),
    Column("kind", Text, nullable=False, comment="that of the agreement"),
    Column("since", Date, comment="null until the agreement's first day has come"),
    Column("until", Date, comment="null while the agreement stands"),
    Index(
        "uq_coverage_primary",
        "resident_id",
        unique=True,
        postgresql_where=text("until is null and since is not null and kind = 'primary'"),
    ),
    Index(None, "resident_id"),
    comment="Whom an agreement covers. A resident has one standing primary agreement at a time.",
)
