"""The inbox for real life: bytes apart from their witness and by month, control ids, steps. Forward only."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"

APPLICATION = "hub_app"
APPEND_ONLY = ("body", "message_step")
CHANGEABLE = ("control", "watermark")

# The months from the oldest message on, and two years ahead; what comes later than that falls into body_rest, and
# `hub message prune` makes the months that follow.
MONTHS = """
do $$
declare
  month timestamptz;
  first timestamptz;
begin
  perform set_config('timezone', 'UTC', true);  -- a month is as long everywhere
  select coalesce(min(received_at), now()) into first from message;
  for month in select generate_series(date_trunc('month', first) - interval '1 month',
                                      date_trunc('month', now()) + interval '24 months', interval '1 month')
  loop
    execute format('create table body_%s partition of body for values from (%L) to (%L)',
                   to_char(month, 'YYYYMM'),
                   (lpad(to_hex((extract(epoch from month) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid,
                   (lpad(to_hex((extract(epoch from month + interval '1 month') * 1000)::bigint), 12, '0')
                     || repeat('0', 20))::uuid);
  end loop;
end $$
"""


def upgrade() -> None:
    first, *rest = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("CREATE TABLE control", 1)
    _run(first)
    op.execute(MONTHS)
    _run("CREATE TABLE control" + "".join(rest))
    op.execute(f"grant select, insert on {', '.join(APPEND_ONLY)} to {APPLICATION}")
    op.execute(f"grant select, insert, update, delete on {', '.join(CHANGEABLE)} to {APPLICATION}")


def _run(sql: str) -> None:
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
