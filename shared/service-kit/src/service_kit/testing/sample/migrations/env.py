"""Alembic's entry point."""

from service_kit.persistence.migrations import run_env

run_env()
