"""Counts of fields that nothing reads. Forward only."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"

APPLICATION = "hub_app"


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(f"grant select, insert, update, delete on unread_field to {APPLICATION}")
