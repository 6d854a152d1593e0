"""Alembic's environment: runs on the connection that `hub.store.database.migrate` hands in."""

from alembic import context

from hub.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
