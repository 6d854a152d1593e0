"""Tables for what sources refer to across bundles. Forward only.

Facts of before are not entered: what they refer to is named once they are said again, or the record is rebuilt.
"""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"

APPLICATION = "hub_app"
CHANGEABLE = ("reference", "awaited")


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(f"grant select, insert, update, delete on {', '.join(CHANGEABLE)} to {APPLICATION}")
