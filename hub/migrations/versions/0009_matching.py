"""Tables for who is whom: people's decisions, what waits for them, what merges took along. Forward only.

Patients of before are not entered: they are compared once they are said again.
"""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"

APPLICATION = "hub_app"
APPEND_ONLY = ("verdict_pair",)
CHANGEABLE = ("verdict", "match_review", "patient_proof", "resident_merge", "match_person", "match_block")


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(f"grant select, insert on {', '.join(APPEND_ONLY)} to {APPLICATION}")
    op.execute(f"grant select, insert, update, delete on {', '.join(CHANGEABLE)} to {APPLICATION}")
