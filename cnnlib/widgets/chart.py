"""Lines on axes, as SVG: quick enough to follow a hand, and in the colours of the page's theme."""

import math
from html import escape

import numpy as np

from .tiles import number

POINTS = 300  # of a line; more would not be seen
LEFT, RIGHT, TOP, BOTTOM = 52, 20, 22, 34  # what is kept free around the axes, in pixels


def chart(lines, *, title, x, y, log=False, ends=None, marks=(), alt="", width=420, height=210):
    """An SVG picture of lines, {name: (xs, ys, colour)}, to be the value of an HTML widget.

    Where two or more are named, it says which is which; a name that begins with _ is left out, as in matplotlib.

    x, y     what the axes say; log  both axes logarithmic, and what is not positive is left out
    ends     (x from, x to, y from, y to), so that the axes hold still; unless said, where the numbers end
    marks    points to stress: (x, y, colour)
    alt      the picture in words; unless said, its title
    """
    scale = np.log10 if log else np.asarray
    drawn = {}
    for name, (xs, ys, colour) in lines.items():
        xs, ys = np.asarray(xs, float), np.asarray(ys, float)
        seen = np.isfinite(xs) & np.isfinite(ys) & ((xs > 0) & (ys > 0) if log else True)
        xs, ys = thinned(scale(xs[seen]), scale(ys[seen]))
        drawn[name] = (xs, ys, colour)
    left, right, low, high = scale(np.asarray(ends, float)) if ends else limits(drawn.values())

    def place(xs, ys):
        across = LEFT + (np.asarray(xs) - left) / (right - left) * (width - LEFT - RIGHT)
        down = height - BOTTOM - (np.asarray(ys) - low) / (high - low) * (height - TOP - BOTTOM)
        return np.clip(across, LEFT, width - RIGHT), np.clip(down, TOP, height - BOTTOM)

    words = [f'<text x="{LEFT}" y="14" font-weight="bold">{escape(title)}</text>']
    parts = []
    for v in ticks(left, right, log):
        (at, _), told = place(v, low), tick(v, log)
        parts.append(f'<path d="M{at:.1f} {height - BOTTOM}v4"/>')
        words.append(f'<text x="{at:.1f}" y="{height - BOTTOM + 15}" text-anchor="middle">{told}</text>')
    for v in ticks(low, high, log):
        (_, at), told = place(left, v), tick(v, log)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{width - RIGHT}" opacity="0.15"/>')
        words.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{told}</text>')
    parts.append(f'<path d="M{LEFT} {TOP}V{height - BOTTOM}H{width - RIGHT}"/>')
    words.append(f'<text x="{width - RIGHT}" y="{height - 4}" text-anchor="end">{escape(x)}</text>')
    words.append(f'<text x="12" y="{TOP}" text-anchor="end" transform="rotate(-90 12 {TOP})">{escape(y)}</text>')
    named = [name for name in drawn if not name.startswith("_")]
    free = width - RIGHT  # of the top line, for the names of the lines
    for name, (xs, ys, colour) in drawn.items():
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(*place(xs, ys)))
        parts.append(f'<polyline points="{points}" stroke="{colour}" stroke-width="2"/>')
        if len(named) > 1 and name in named:
            parts.append(f'<path d="M{free - 14} 10h14" stroke="{colour}" stroke-width="3"/>')
            words.append(f'<text x="{free - 18}" y="14" text-anchor="end">{escape(name)}</text>')
            free -= 34 + 6 * len(name)
    for a, b, colour in marks:
        if not log or (a > 0 and b > 0):
            (across, down) = place(scale(a), scale(b))
            parts.append(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="5" fill="{colour}" stroke="none"/>')
    style = "color: var(--jp-ui-font-color1, #222); font-size: 11px; font-family: sans-serif"
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(alt or title)}" style="{style}">'
        f'<g fill="none" stroke="currentColor">{"".join(parts)}</g><g fill="currentColor">{"".join(words)}</g></svg>'
    )


def thinned(xs, ys):
    """The same line with at most about POINTS points; of each stretch left out, its highest and lowest stay."""
    if len(xs) <= POINTS:
        return xs, ys
    kept = {0, len(xs) - 1}
    for stretch in np.array_split(np.arange(len(xs)), POINTS // 2):
        kept |= {stretch[ys[stretch].argmin()], stretch[ys[stretch].argmax()]}
    kept = sorted(kept)
    return xs[kept], ys[kept]


def limits(lines):
    """Where the numbers end: x from, x to, y from, y to; never empty."""
    ends = []
    for values in zip(*((xs, ys) for xs, ys, _ in lines if len(xs))):
        low, high = min(v.min() for v in values), max(v.max() for v in values)
        ends += [low, high] if high > low else [low - 0.5, high + 0.5]
    return ends or [0, 1, 0, 1]


def ticks(low, high, log):
    """Four to eight round places between two numbers."""
    if log:
        decades = range(math.ceil(low), math.floor(high) + 1)
        return list(decades)[:: max(1, math.ceil(len(decades) / 8))]
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step *= next(n for n in (1, 2, 5, 10) if (high - low) / (n * step) <= 6)
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def tick(value, log):
    """What stands at a tick."""
    return f'10<tspan dy="-4" font-size="8">{value}</tspan>' if log else number(round(value, 10))
