"""Alerts, their deliveries, and the hours that they are judged by. Forward only."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

APPLICATION = "hub_app"
APPEND_ONLY = ("alert_notice", "alert_attempt")
CHANGEABLE = ("alert", "alert_delivery", "source_hour", "database_size")


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(f"grant select, insert on {', '.join(APPEND_ONLY)} to {APPLICATION}")
    op.execute(f"grant select, insert, update, delete on {', '.join(CHANGEABLE)} to {APPLICATION}")
