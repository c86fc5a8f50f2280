"""Alembic's entry; the kit does the work."""

from service_kit.persistence.migrations import run_env

run_env()
