"""Alembic's entry into this service's migrations."""

from service_kit.persistence.migrations import run_env

run_env()
