"""Units of lines, in bodies that list the lines of an order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from service_kit.http.fields import Name, Units
from service_kit.http.models import RequestModel
from service_kit.http.problems import FieldError, unprocessable


class LineUnits(RequestModel):
    """Units of one line."""

    line_id: Name
    quantity: Units


def refuse_repeated_lines(lines: Sequence[LineUnits]) -> None:
    """Raise the problem 422 that names every entry whose line is listed more than once."""
    times = Counter(line.line_id for line in lines)
    detail = "The line stands more than once; give the sum."
    errors = [
        FieldError(f"/lines/{index}/line_id", detail) for index, line in enumerate(lines) if times[line.line_id] > 1
    ]
    if errors:
        raise unprocessable(errors)
