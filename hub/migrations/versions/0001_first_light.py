"""The first tables, and what the application role may do with them. Forward only: a mistake is mended by the next."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

APPLICATION = "hub_app"
APPEND_ONLY = ("message", "fact", "event", "audit")
CHANGEABLE = (
    *("fate", "resident", "resident_number", "patient", "patient_number", "link"),
    *("encounter", "condition", "observation", "allergy", "report"),
)

# A server of the site's own may already have the role, or its owner may not be allowed to make one: then the
# refusal says what the database administrator has to run.
ROLE = f"""
do $$
begin
  if not exists (select from pg_roles where rolname = '{APPLICATION}') then
    create role {APPLICATION} nologin;
  end if;
exception
  when duplicate_object or unique_violation then null;
  when insufficient_privilege then
    raise exception 'role {APPLICATION} is missing: let an administrator run "create role {APPLICATION} nologin"';
end $$
"""
MEMBERSHIP = f"""
do $$
begin
  set local role {APPLICATION};  -- whoever made the role may grant it, and yet may not act as it (PostgreSQL 16)
  reset role;
exception
  when insufficient_privilege then
    begin
      execute format('grant {APPLICATION} to %I', current_user);
    exception
      when insufficient_privilege then null;  -- a login of its own serves as the application
    end;
end $$
"""


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(ROLE)
    op.execute(MEMBERSHIP)
    op.execute(f"grant select on alembic_version to {APPLICATION}")
    op.execute(f"grant select, insert on {', '.join(APPEND_ONLY)} to {APPLICATION}")
    op.execute(f"grant select, insert, update, delete on {', '.join(CHANGEABLE)} to {APPLICATION}")
