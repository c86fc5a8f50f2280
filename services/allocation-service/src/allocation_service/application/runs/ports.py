"""What the use cases of runs need of the database; each store works on one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from allocation_service.application.runs.run_inputs import Digests
from allocation_service.application.runs.run_records import Known, LineChange, Pin, Run, RunLine
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.runs.run import RunDemand, Segment
from allocation_service.domain.runs.run_preview import Preview
from allocation_service.domain.runs.run_progress import Progress

T = TypeVar("T")


class RunStore(Protocol):
    """Runs, from their request to their commit."""

    async def insert_run(self, run_id: str, name: str, segments: Sequence[Segment], *, by: str, at: datetime) -> None:
        """Store a run that is to be planned."""
        ...

    async def read_run(self, run_id: str, *, lock: bool = False) -> Run | None:
        """A run; ``lock`` keeps it as it is until the transaction ends."""
        ...

    async def list_runs(self, before: str | None, limit: int) -> list[Run]:
        """Runs, the newest first; ``before`` is the last one of the page before."""
        ...

    async def take_stale(self, seconds: float) -> str | None:
        """A run whose planning nobody has been seen to work at for so long."""
        ...

    async def forget_runs(self, before: datetime) -> int:
        """Delete the oldest run made before then, with its lines; 0 where there is none."""
        ...

    async def note_progress(self, run_id: str, progress: Progress) -> None:
        """Say how far its planning is."""
        ...

    async def note_failure(self, run_id: str, why: Progress) -> None:
        """The run cannot be planned."""
        ...

    def preview_rows(self, run_id: str, preview: Preview) -> list[tuple[Any, ...]]:
        """The lines of a preview as ``store_preview`` takes them; uses no connection, so that a thread may do it."""
        ...

    async def store_preview(
        self,
        run_id: str,
        *,
        as_of: datetime,
        expires: datetime,
        digest: str,
        summary: Mapping[str, Any],
        digests: Mapping[str, Digests],
        left: Mapping[str, int],
        rows: Sequence[tuple[Any, ...]],
    ) -> bool:
        """Store what a run would do; False where somebody else has done so already."""
        ...

    async def digests(self, run_id: str) -> dict[str, Digests]:
        """What a previewed run was planned from, for each SKU."""
        ...

    async def known_lines(self, run_id: str, skus: Sequence[str]) -> dict[str, Known]:
        """Lines of these SKUs that took part in the preview."""
        ...

    async def close_run(
        self,
        run_id: str,
        status: Literal["committed", "refused"],
        by: str,
        at: datetime,
        *,
        decision_id: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """Note that a run was committed, or refused and why."""
        ...

    async def run_lines(self, run_id: str, change: LineChange | None, after: int, limit: int) -> list[RunLine]:
        """Lines of a run as they were served, those left alone last."""
        ...


class PinStore(Protocol):
    """Lines that a person fixed."""

    async def pin(self, line_id: str, reason: str, by: str, at: datetime) -> Pin | None:
        """Keep runs from moving a line; None where there is no such line."""
        ...

    async def unpin(self, line_id: str) -> bool:
        """Let runs move a line again; False where it was not pinned."""
        ...

    async def read_pin(self, line_id: str) -> Pin | None:
        """Who pinned a line, when and why."""
        ...


class RunSource(Protocol):
    """The demand runs may be about, as seen by one transaction."""

    async def candidates(self, segments: Sequence[Segment]) -> list[RunDemand]:
        """Every line with open units that a segment could be about."""
        ...

    async def load_lines(
        self, session: AllocationSession, line_ids: Collection[str], order_ids: Collection[str]
    ) -> None:
        """Enter lines, and whole orders."""
        ...

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do long work in a worker thread, while the transaction stays open; the session is the work's own."""
        ...
