"""Alembic's entry: the kit knows the rest."""

from service_kit.persistence.migrations import run_env

run_env()
