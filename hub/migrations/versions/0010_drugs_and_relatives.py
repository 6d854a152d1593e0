"""Drugs of every kind of statement on one shelf, the specimens of results, and whom to ask and who pays. Forward only.

What messages said of them before stands in `fact`; it is shown once it is said again, or the record is rebuilt.
"""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
