"""Whether a JSON document has the shape of a policy: its fields and their types, told where they do not fit.

By the types of ``Policy`` itself. Pydantic reads them too, but takes a list for any named tuple.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from allocation_service.domain.policies.policy import Policy
from allocation_service.domain.policies.policy_document import Fault

_UNITS = ("/units", "/max_units")
"""How the fields end that count units of a SKU."""

_PLAIN = {bool: "true or false", int: "a whole number", str: "text"}


def shape_faults(document: Any) -> list[Fault]:
    """All that keeps a document from being read as a policy; ``validate`` judges one that can be."""
    return list(_faults("", document, Policy))


def _faults(at: str, value: Any, kind: Any) -> Iterator[Fault]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        if value is not None:
            yield from _faults(at, value, inner[0])
    elif origin is tuple:
        if not isinstance(value, list | tuple):
            yield Fault(at, "Must be a list.")
        else:
            for number, one in enumerate(value):
                yield from _faults(f"{at}/{number}", one, inner[0])
    elif origin is Literal:
        yield from _unless(at, value in inner, f"Must be {' or '.join(inner)}.")
    elif issubclass(kind, StrEnum):
        names = [one.value for one in kind]
        yield from _unless(at, value in names, f"Must be {', '.join(names[:-1])} or {names[-1]}.")
    elif type(value) is float and at.endswith(_UNITS):
        yield Fault(at, "Must be whole units, never a fraction: state them in the SKU's smallest unit.")
    elif kind in _PLAIN:
        yield from _unless(at, type(value) is kind, f"Must be {_PLAIN[kind]}.")
    else:
        yield from _of_object(at, value, kind)


def _of_object(at: str, value: Any, kind: Any) -> Iterator[Fault]:
    """The fields of an object by those of the named tuple that it becomes."""
    if not isinstance(value, Mapping):
        yield Fault(at, "Must be an object.")
        return
    fields = get_type_hints(kind)
    for name, one in value.items():
        place = f"{at}/{str(name).replace('~', '~0').replace('/', '~1')}"
        if name in fields:
            yield from _faults(place, one, fields[name])
        else:
            yield Fault(place, f"This field is not known here; there are {', '.join(fields)}.")
    for name in fields:
        if name not in value and name not in kind._field_defaults:
            yield Fault(f"{at}/{name}", "This field is required.")


def _unless(at: str, fits: bool, detail: str) -> Iterator[Fault]:
    if not fits:
        yield Fault(at, detail)
