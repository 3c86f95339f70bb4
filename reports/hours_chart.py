"""A day's calls by hour as a drawing: answered calls stand solid before the outline of all that came.

It shows nothing that the table beside it does not say. Pure SVG, drawn by us, without scripts and styles.
"""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from reports import words
from reports.content import HourRow

WIDTH, HEIGHT = 680, 230
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 30, 44
INK, SOLID, LINE = "#1a1a1c", "#0017c1", "#767676"
STEPS = (5, 10, 20, 25, 50, 100, 200, 250, 500, 1000)
MOST_LINES = 6


def hours_chart(hours: Sequence[HourRow], *, font: str = "sans-serif") -> str:
    """Return the drawing; `font` must be known where it is shown."""
    most = max((hour["received"] for hour in hours), default=0)
    step = next(each for each in STEPS if most <= each * MOST_LINES) if most <= STEPS[-1] * MOST_LINES else most
    top = max(step, -(-most // step) * step)
    parts = [*_grid(top, step), *_legend(), *_bars(hours, top)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label={quoteattr(described(hours))} font-family={quoteattr(font)} font-size="11" fill="{INK}">'
        + "".join(parts)
        + "</svg>"
    )


def described(hours: Sequence[HourRow]) -> str:
    """Return what the drawing shows, in words."""
    said = "、".join(f"{words.hour_name(h)}は入電{h['received']}件のうち応答{h['answered']}件" for h in hours)
    return f"時間帯別の入電数と応答数。{said}"


def _grid(top: int, step: int) -> Iterator[str]:
    for value in range(0, top + 1, step):
        y = _y(value, top)
        yield f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#d9d9d9" stroke-width="{1 if value else 2}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{value}</text>'
    yield f'<text x="4" y="{TOP - 14}">件</text>'


def _legend() -> Iterator[str]:
    yield f'<rect x="{LEFT + 30}" y="6" width="14" height="12" fill="none" stroke="{LINE}" stroke-width="1.5"/>'
    yield f'<text x="{LEFT + 50}" y="16">入電数（枠の上の数）</text>'
    yield f'<rect x="{LEFT + 190}" y="6" width="14" height="12" fill="{SOLID}"/>'
    yield f'<text x="{LEFT + 210}" y="16">応答数（塗りの中の数）</text>'


def _bars(hours: Sequence[HourRow], top: int) -> Iterator[str]:
    slot = (WIDTH - LEFT - RIGHT) / max(len(hours), 1)
    for n, hour in enumerate(hours):
        x, wide = LEFT + slot * n + slot * 0.2, slot * 0.6
        middle = f"{x + wide / 2:.1f}"
        base, received, answered = _y(0, top), _y(hour["received"], top), _y(hour["answered"], top)
        yield (
            f'<rect x="{x:.1f}" y="{received}" width="{wide:.1f}" height="{base - received:.1f}" '
            f'fill="none" stroke="{LINE}" stroke-width="1.5"/>'
        )
        yield (
            f'<rect x="{x + 2:.1f}" y="{answered}" width="{wide - 4:.1f}" height="{base - answered:.1f}" '
            f'fill="{SOLID}"/>'
        )
        yield f'<text x="{middle}" y="{received - 4}" text-anchor="middle">{hour["received"]}</text>'
        if base - answered > 16:  # noqa: PLR2004 - the height of a line of figures
            yield f'<text x="{middle}" y="{answered + 14}" text-anchor="middle" fill="#fff">{hour["answered"]}</text>'
        yield f'<text x="{middle}" y="{base + 16}" text-anchor="middle">{escape(words.hour_name(hour))}</text>'
        rate = words.percent(words.hour_rate(hour))
        yield f'<text x="{middle}" y="{base + 32}" text-anchor="middle">{escape(rate)}</text>'


def _y(value: int, top: int) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)
