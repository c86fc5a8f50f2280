"""SQL that finds stored names that are not in their one form (``service_kit.runtime.names``)."""

from __future__ import annotations

from service_kit.runtime.names import INVISIBLE, SPACES


def tidied(column: str) -> str:
    """The SQL expression for the form of a stored name (``in_one_form``)."""
    return f"btrim(normalize(regexp_replace({column}, '[{SPACES}]', ' ', 'g')))"


def untidy(column: str) -> str:
    """The SQL condition that a stored name is not in this form, or has characters that cannot be seen."""
    return f"({column} <> {tidied(column)} OR {column} ~ '[{_sql(INVISIBLE)}]')"


def names_query(what: str, table: str, column: str) -> str:
    """The query of an invariant for the names of a table that are not in one form: what is so named, the name, what it
    ``becomes``, and whether a ``twin`` of it has that name already."""
    return f"""
        SELECT '{what}' AS what, {column} AS name, {tidied(column)} AS becomes,
               EXISTS (
                   SELECT FROM {table} AS twin
                   WHERE twin.{column} = {tidied(f"one.{column}")} AND twin.{column} <> one.{column}
               ) AS twin
        FROM {table} AS one WHERE {untidy(column)}
    """


def _sql(ranges: str) -> str:
    # U+0000 is never stored, and no pattern of PostgreSQL may name it.
    return ranges.replace(r"\x00-\x1f\x7f-\x9f", r"\u0001-\u001f\u007f-\u009f")
