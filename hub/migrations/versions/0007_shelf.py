"""Tables for procedures, prescriptions, vaccinations, documents and appointments. Forward only.

What messages said of them before stands in `fact`; it is shown once it is said again, or the record is rebuilt.
"""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"

APPLICATION = "hub_app"
CHANGEABLE = ("procedure", "prescription", "immunization", "document", "appointment")


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(f"grant select, insert, update, delete on {', '.join(CHANGEABLE)} to {APPLICATION}")
