"""What links by resemblance rest on, and what patients are compared by. Forward only.

`match_person` was empty until now: patients of before are entered by a round of the worker (`hub/recognising.py`).
"""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
