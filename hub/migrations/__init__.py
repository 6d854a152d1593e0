"""Alembic migrations, run by ``hub migrate`` as the owner role."""
