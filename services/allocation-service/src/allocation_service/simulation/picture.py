"""The picture of a benchmark: cost against the lowest tier's losses, one panel a scenario, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from allocation_service.simulation.figures import COST, GOALS, LOWEST, FigureRow

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM, _GAP = 560, 400, 64, 70, 176, 56, 8
_LINE = 15
_STYLE = """
.bg{fill:#fff}.t,.l,.a{font:13px sans-serif;fill:#1b2430}.h{font:600 15px system-ui,sans-serif;fill:#1b2430}
.a{fill:#5a6675;font-size:12px}.g{stroke:#dfe4ea}.z{stroke:#8793a1}.w{stroke:#2a6fb0;opacity:.55}.p{fill:#2a6fb0}
.goal{fill:#2e9e5b;opacity:.12}.k{stroke:#8793a1;stroke-dasharray:2 2}
@media(prefers-color-scheme:dark){.bg{fill:#141a21}.t,.l,.h{fill:#e8edf3}.a{fill:#a5b1bf}.g{stroke:#2c3640}
.w{stroke:#7db8ee}.p{fill:#7db8ee}.goal{fill:#53c583;opacity:.18}}
"""


class _Point(NamedTuple):
    policy: str
    loss: FigureRow
    cost: FigureRow


class _Scale(NamedTuple):
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def svg(rows: Sequence[FigureRow], title: str = "Cost against the lowest tier's losses") -> str:
    """A standalone SVG. Whiskers are 95 % confidence intervals; the shaded corner is where both goals are met."""
    scenarios = list(dict.fromkeys(row.scenario for row in rows if row.figure == LOWEST))
    panels = [_points(rows, scenario) for scenario in scenarios]
    if not panels:
        raise ValueError("there is nothing to draw: no row has the lowest tier's losses")
    width = len(panels) * (_WIDTH + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT + 34}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="bg" width="{width}" height="{_HEIGHT + 34}"/>',
        f'<text class="h" x="{_LEFT}" y="24">{escape(title)}</text>',
    ]
    for number, (scenario, points) in enumerate(zip(scenarios, panels, strict=True)):
        left = number * (_WIDTH + _GAP)
        x = _axis([0.0, *(value for point in points for value in (point.loss.ci_low, point.loss.ci_high))])
        y = _axis([0.0, *(value for point in points for value in (point.cost.ci_low, point.cost.ci_high))])
        across = _Scale(*x, left + _LEFT, left + _WIDTH - _RIGHT)
        down = _Scale(*y, _HEIGHT - _BOTTOM, _TOP)
        parts += [*_frame(scenario, across, down), *_marks(points, across, down)]
    legend = (
        "Dots are means over seeds, whiskers 95 % confidence intervals; shaded: both goals met. Lower left is better."
    )
    parts += [f'<text class="a" x="{_LEFT}" y="{_HEIGHT + 20}">{legend}</text>', "</svg>"]
    return "\n".join(parts) + "\n"


def _points(rows: Sequence[FigureRow], scenario: str) -> list[_Point]:
    found = {(row.policy, row.figure): row for row in rows if row.scenario == scenario}
    policies = dict.fromkeys(row.policy for row in rows if row.scenario == scenario)
    return [
        _Point(policy, found[policy, LOWEST], found[policy, COST]) for policy in policies if (policy, LOWEST) in found
    ]


def _axis(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = max(0.003, 0.12 * (high - low))
    return low - margin, high + margin


def _ticks(scale: _Scale) -> list[float]:
    span = scale.high - scale.low
    step = next((one for one in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if span / one <= 7), 1.0)
    first = int(scale.low / step) - 1
    return [n * step for n in range(first, first + 12) if scale.low <= n * step <= scale.high]


def _signed(share: float) -> str:
    return f"{100 * share:+.3g}" if abs(share) > 1e-9 else "0"


def _frame(scenario: str, across: _Scale, down: _Scale) -> list[str]:
    parts = [f'<text class="h" x="{across.start}" y="{_TOP - 14}">{escape(scenario)} shortage</text>']
    cost, loss = GOALS.get((scenario, COST)), GOALS.get((scenario, LOWEST))
    if cost and loss and cost.at_most is not None and loss.at_most is not None:
        right, top = min(across.end, across(loss.at_most)), max(down.end, down(cost.at_most))
        if top < down.start:
            parts.append(
                f'<rect class="goal" x="{across.start}" y="{top}" width="{right - across.start:.1f}"'
                f' height="{down.start - top:.1f}"/>'
            )
    for value in _ticks(across):
        x, kind = across(value), "z" if abs(value) < 1e-9 else "g"
        parts.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="{down.end}" y2="{down.start}"/>')
        parts.append(f'<text class="a" x="{x}" y="{down.start + 17}" text-anchor="middle">{_signed(value)}</text>')
    for value in _ticks(down):
        y, kind = down(value), "z" if abs(value) < 1e-9 else "g"
        parts.append(f'<line class="{kind}" x1="{across.start}" x2="{across.end}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="a" x="{across.start - 7}" y="{y + 4}" text-anchor="end">{_signed(value)} %</text>')
    middle = (across.start + across.end) / 2
    parts.append(
        f'<text class="a" x="{middle}" y="{down.start + 37}" text-anchor="middle">'
        "lowest tier: cancelled units against FIFO, points</text>"
    )
    parts.append(f'<text class="a" x="{across.end}" y="{_TOP - 14}" text-anchor="end">cost against FIFO</text>')
    return parts


def _marks(points: Sequence[_Point], across: _Scale, down: _Scale) -> list[str]:
    parts = []
    for _, loss, cost in points:
        x, y = across(loss.value), down(cost.value)
        parts.append(f'<line class="w" x1="{across(loss.ci_low)}" x2="{across(loss.ci_high)}" y1="{y}" y2="{y}"/>')
        parts.append(f'<line class="w" x1="{x}" x2="{x}" y1="{down(cost.ci_low)}" y2="{down(cost.ci_high)}"/>')
        parts.append(f'<circle class="p" cx="{x}" cy="{y}" r="4"/>')
    return parts + _labels(points, across, down)


def _labels(points: Sequence[_Point], across: _Scale, down: _Scale) -> list[str]:
    """Names in a column at the right, in the sequence of their dots and a line to each, none over another."""
    ordered = sorted(points, key=lambda one: (down(one.cost.value), -across(one.loss.value)))
    heights: list[float] = []
    for point in ordered:
        wanted = down(point.cost.value)
        heights.append(max(wanted, heights[-1] + _LINE) if heights else wanted)
    for number in range(len(heights) - 1, -1, -1):
        most = heights[number + 1] - _LINE if number + 1 < len(heights) else down.start
        heights[number] = min(heights[number], most)
    parts = []
    for point, height in zip(ordered, heights, strict=True):
        x, y, at = across(point.loss.value), down(point.cost.value), across.end + 10
        name = escape(point.policy)
        parts.append(f'<line class="k" x1="{x + 5:.1f}" x2="{at - 3:.1f}" y1="{y}" y2="{height:.1f}"/>')
        parts.append(f'<text class="l" x="{at:.1f}" y="{height + 4:.1f}">{name}</text>')
    return parts
