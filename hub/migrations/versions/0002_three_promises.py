"""Teams and agreements, follow-up, slot pools, referrals. Forward only: a mistake is mended by the next."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

APPLICATION = "hub_app"
APPEND_ONLY = ("agreement_term", "contact", "movement", "history")
CHANGEABLE = (
    *("organisation", "practitioner", "team", "team_member", "area", "agreement", "coverage"),
    *("follow_up_plan", "follow_up", "offer", "session", "slot", "booking", "referral"),
)


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(f"grant select, insert on {', '.join(APPEND_ONLY)} to {APPLICATION}")
    op.execute(f"grant select, insert, update, delete on {', '.join(CHANGEABLE)} to {APPLICATION}")
