"""The picture of a calibration: of the dates of which a confidence was stated, how many were kept, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from backorder_workload.calibration.running import WorldResult

_WIDTH, _ROW, _LEFT, _TOP, _RIGHT = 720, 30, 190, 64, 40
_LEAST = 0.5
_STYLE = """
.bg{fill:#fff}.t{font:13px sans-serif;fill:#1b2430}.h{font:600 15px system-ui,sans-serif;fill:#1b2430}
.a{font:12px sans-serif;fill:#5a6675}.g{stroke:#dfe4ea}.goal{fill:#2e9e5b;opacity:.18}.k{fill:#2a6fb0}
.w{stroke:#2a6fb0;stroke-width:2}.m{fill:#c0392b}
@media(prefers-color-scheme:dark){.bg{fill:#141a21}.t,.h{fill:#e8edf3}.a{fill:#a5b1bf}.g{stroke:#2c3640}
.goal{fill:#53c583;opacity:.22}.k{fill:#7db8ee}.w{stroke:#7db8ee}.m{fill:#ff8a75}}
"""


def svg(results: Sequence[WorldResult], goals: dict[str, tuple[float, float]]) -> str:
    """A standalone SVG: a row for each world, its share of first dates kept, with the goal shaded behind it. The line
    leads from there to the least of any 200 dates in a row."""
    if not results:
        raise ValueError("there is nothing to draw: no world was run")
    height = _TOP + _ROW * len(results) + 44
    title = "First dates kept, by world"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="bg" width="{_WIDTH}" height="{height}"/>',
        f'<text class="h" x="{_LEFT}" y="26">{escape(title)}</text>',
    ]
    for share in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        parts += [
            f'<line class="g" x1="{_x(share)}" x2="{_x(share)}" y1="{_TOP - 8}" y2="{height - 40}"/>',
            f'<text class="a" x="{_x(share)}" y="{_TOP - 14}" text-anchor="middle">{share:.0%}</text>',
        ]
    for number, result in enumerate(results):
        parts += _row(result, _TOP + _ROW * number, goals.get(result.name))
    legend = "Dot: share kept. Line: down to the worst 200 dates in a row. Shaded: the goal. Red: missed."
    parts += [f'<text class="a" x="{_LEFT}" y="{height - 16}">{legend}</text>', "</svg>"]
    return "\n".join(parts) + "\n"


def _row(result: WorldResult, top: float, goal: tuple[float, float] | None) -> list[str]:
    middle, kept = top + _ROW / 2, result.figures.kept
    parts = [f'<text class="t" x="{_LEFT - 12}" y="{middle + 4}" text-anchor="end">{escape(result.name)}</text>']
    met = True
    if goal is not None:
        left, right = _x(goal[0]), _x(goal[1])
        met = goal[0] <= kept <= goal[1]
        parts.append(
            f'<rect class="goal" x="{left}" y="{top + 4}" width="{round(right - left, 1)}" height="{_ROW - 8}"/>'
        )
    least = _x(result.figures.rolling_least)
    return [
        *parts,
        f'<line class="w" x1="{least}" x2="{_x(kept)}" y1="{middle}" y2="{middle}"/>',
        f'<circle class="{"k" if met else "m"}" cx="{_x(kept)}" cy="{middle}" r="5"><title>{kept:.1%}</title></circle>',
    ]


def _x(share: float) -> float:
    inside = min(1.0, max(_LEAST, share))
    return round(_LEFT + (inside - _LEAST) / (1 - _LEAST) * (_WIDTH - _LEFT - _RIGHT), 1)
