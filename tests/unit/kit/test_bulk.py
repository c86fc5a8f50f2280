"""Rows become parameters by column, and statements are composed of their columns."""

import pytest

from service_kit.persistence.bulk import Columns, arrays, assignments, documents, insert, or_update, unnest

LEVELS: Columns = (("sku", "text"), ("location", "text"), ("on_hand", "bigint"))


def test_each_column_is_one_array() -> None:
    rows = [("lamp", "main", 3), ("chair", "main", None)]
    assert arrays(LEVELS, rows) == {"sku": ["lamp", "chair"], "location": ["main", "main"], "on_hand": [3, None]}
    assert arrays(LEVELS, (row for row in rows), "l_").keys() == {"l_sku", "l_location", "l_on_hand"}


def test_no_rows_are_empty_arrays() -> None:
    assert arrays(LEVELS, []) == {"sku": [], "location": [], "on_hand": []}


@pytest.mark.parametrize(
    "rows", [[("lamp", "main")], [("lamp", "main", 3, 4)], [("lamp", "main", 3), ("chair", "main")]]
)
def test_rows_that_do_not_fit_the_columns_are_refused(rows: list[tuple[object, ...]]) -> None:
    with pytest.raises(ValueError, match="zip"):
        arrays(LEVELS, rows)
    with pytest.raises(ValueError, match="zip"):
        documents(LEVELS, rows)


def test_the_rows_are_a_table_of_typed_parameters() -> None:
    columns = LEVELS[::2]
    assert unnest(columns, "n") == "unnest(CAST(:sku AS text[]), CAST(:on_hand AS bigint[])) AS n (sku, on_hand)"
    assert unnest(columns, "n", "s_", position=True) == (
        "unnest(CAST(:s_sku AS text[]), CAST(:s_on_hand AS bigint[])) WITH ORDINALITY AS n (sku, on_hand, position)"
    )


def test_json_is_sent_as_text() -> None:
    columns: Columns = (("sku", "text"), ("notes", "jsonb"))
    assert unnest(columns, "n", position=True) == (
        "(SELECT sku, CAST(notes AS jsonb) AS notes, position"
        " FROM unnest(CAST(:sku AS text[]), CAST(:notes AS text[])) WITH ORDINALITY AS row (sku, notes, position)) AS n"
    )


def test_an_insert_may_update_what_is_there() -> None:
    assert assignments(LEVELS[1:], "n") == "location = n.location, on_hand = n.on_hand"
    assert (
        insert("level", LEVELS[:1])
        == "INSERT INTO level (sku) SELECT sku FROM unnest(CAST(:sku AS text[])) AS new (sku)"
    )
    assert insert("level", LEVELS, or_update(LEVELS, 2)).endswith(
        "ON CONFLICT (sku, location) DO UPDATE SET on_hand = excluded.on_hand"
    )
