"""Which rows there are, and which function measures them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bench.figures import Measured, Row

if TYPE_CHECKING:
    from tests.bench.ground import Ground

Measure = Callable[["Ground"], Awaitable[Mapping[str, Measured]]]
"""Measures rows on real servers; what it found, by the rows' names."""


class UnknownRows(ValueError):
    """Rows were asked for that do not exist; the message lists those that do."""


@dataclass(frozen=True)
class Bench:
    """One measurement, which yields one row or several that come of the same runs."""

    rows: tuple[Row, ...]
    measure: Measure

    def only(self, names: Iterable[str]) -> Bench:
        """The same measurement, of whose rows only some are wanted."""
        wanted = frozenset(names)
        return Bench(tuple(row for row in self.rows if row.name in wanted), self.measure)


@dataclass
class Registry:
    """All rows, in the order of the table."""

    benches: list[Bench] = field(default_factory=list)

    def add(self, measure: Measure, *rows: Row) -> None:
        """Have ``rows`` measured by ``measure``. ValueError for a name that is taken."""
        for row in rows:
            if row.name in self.names():
                raise ValueError(f"two rows are called {row.name}")
        self.benches.append(Bench(rows, measure))

    def measures(self, *rows: Row) -> Callable[[Measure], Measure]:
        """``add`` as a decorator."""

        def register(measure: Measure) -> Measure:
            self.add(measure, *rows)
            return measure

        return register

    def names(self) -> list[str]:
        """The rows' names, in the order of the table."""
        return [row.name for bench in self.benches for row in bench.rows]

    def select(self, names: Sequence[str] = ()) -> list[Bench]:
        """What measures the named rows (all of them without names). Raises UnknownRows."""
        if not names:
            return list(self.benches)
        known = self.names()
        if unknown := [name for name in names if name not in known]:
            raise UnknownRows(f"no row is called {', '.join(unknown)}. There are: {', '.join(known)}")
        chosen = [bench.only(names) for bench in self.benches]
        return [bench for bench in chosen if bench.rows]


def split_names(given: str | None) -> list[str]:
    """``"relay, consumer"`` → the two names; none for nothing."""
    return [name.strip() for name in (given or "").split(",") if name.strip()]


REGISTRY = Registry()
