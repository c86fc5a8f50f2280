"""Lists and searches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.wire import Form, WireObject, invalid, public

_CLAUSE = re.compile(r"""^(?P<field>\w+(?:\[(['"])\w+\2\])?)\s*:\s*(?P<quote>['"])(?P<value>.*)(?P=quote)$""")
_KEY = re.compile(r"""^metadata\[(['"])(\w+)\1\]$""")
_FIELDS = ("currency", "customer", "status")

Test = Callable[[WireObject], bool]


def list_objects(bank: Bank, kind: str, url: str, filters: Iterable[str], form: Form) -> WireObject:
    """A page of objects, the newest first. Unlike a search, a list has everything at once."""
    names = tuple(filters)
    form.only((*names, "created", "limit", "starting_after"))
    limit = _limit(form)
    created = range(form.integer("created[gte]", 0), form.integer("created[lte]", 2**53) + 1)
    wanted = {name: value for name in names if (value := form.text(name)) is not None}
    matching = [
        one
        for one in bank.store.newest(kind)
        if one["created"] in created and all(one.get(name) == value for name, value in wanted.items())
    ]
    if after := form.text("starting_after"):
        ids = [one["id"] for one in matching]
        if after not in ids:
            raise invalid(f"No such {kind}: '{after}'", param="starting_after", code="resource_missing")
        matching = matching[ids.index(after) + 1 :]
    page = [public(one) for one in matching[:limit]]
    return {"object": "list", "data": page, "has_more": len(matching) > limit, "url": url}


def search_objects(bank: Bank, kind: str, url: str, form: Form) -> WireObject:
    """What matches a query, without what is so new that Stripe would not find it yet."""
    form.only(("query", "limit", "page"))
    tests = [_test(clause) for clause in re.split(r"\s+AND\s+", form.required("query"))]
    latest = bank.clock.now() - bank.delays.search
    known: Iterator[WireObject] = (one for one in bank.store.newest(kind) if one["created"] <= latest)
    found = [public(one) for one in known if all(test(one) for test in tests)]
    page = found[: _limit(form)]
    return {"object": "search_result", "data": page, "has_more": len(found) > len(page), "next_page": None, "url": url}


def _limit(form: Form) -> int:
    limit = form.integer("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("This value must be between 1 and 100.", param="limit")
    return limit


def _test(clause: str) -> Test:
    """One ``field:'value'`` of Stripe's query language."""
    parts = _CLAUSE.match(clause.strip())
    if parts is None:
        raise invalid(f"We were unable to parse your search query: {clause}", param="query")
    field, value = parts["field"], re.sub(r"\\(.)", r"\1", parts["value"])
    if key := _KEY.match(field):
        return lambda item: item["metadata"].get(key[2]) == value
    if field not in _FIELDS:
        raise invalid(f"Field `{field}` is an unsupported search field.", param="query")
    return lambda item: item.get(field) == value
