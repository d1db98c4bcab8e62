"""charts.py: line and bar charts as SVG, with nothing but the standard library.

A chart brings its own background, light or dark as the reader's system is, and no font. Each has a title and a text that
says what is to be seen, for those who do not see it. The same numbers give the same bytes.
"""

import math
from html import escape

WIDTH = 760
LEFT, RIGHT, TOP = 76, 24, 44
PLOT_HEIGHT = 280
# Told apart by people who see colours differently, on both backgrounds; a shape goes with each.
LIGHT = ["#0063b2", "#c2410c", "#047857", "#8b2fa8", "#92700c", "#475569"]
DARK = ["#6cb6ff", "#ff9a5c", "#4ade9f", "#d8a0f0", "#e3c04a", "#b0bac7"]
SHAPES = ["circle", "square", "triangle", "diamond", "cross", "ring"]


def text(x, y, words, anchor="start", kind="", turn=None):
    turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn is not None else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}{turned}>{escape(words)}</text>'


def style():
    def colours(palette):
        return " ".join(f".f{i}{{fill:{c}}} .s{i}{{stroke:{c}}}" for i, c in enumerate(palette))

    return (
        "<style>text{font:13px sans-serif;fill:#1f2933} .title{font-weight:bold;font-size:15px} .small{font-size:12px}"
        " .back{fill:#fff;stroke:#d5dae0} .grid{stroke:#e3e7ec} .axis{stroke:#6b7785} .line{fill:none;stroke-width:2}"
        f" .span{{stroke-width:1.5}} {colours(LIGHT)}"
        " @media (prefers-color-scheme:dark){text{fill:#e6e9ee} .back{fill:#15191f;stroke:#39414d} .grid{stroke:#2b323c}"
        f" .axis{{stroke:#98a3b1}} {colours(DARK)}}}</style>"
    )


def document(height, title, description, parts):
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-labelledby="t d"><title id="t">{escape(title)}</title><desc id="d">{escape(description)}</desc>'
    )
    back = f'<rect class="back" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>'
    return "\n".join([head, style(), back, text(20, 27, title, kind="title"), *parts, "</svg>"]) + "\n"


def short(value):
    """1 500 000 as 1.5M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def decades(low, high):
    """The ends and the ticks of a logarithmic axis: powers of ten; 2 and 5 times those too, where there are few."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    tens = [10.0**power for power in range(first, last + 1)]
    if len(tens) > 4:
        return tens[0], tens[-1], tens
    ticks = [ten * part for ten in tens for part in (1, 2, 5)]
    start = max(tick for tick in ticks if tick <= low * (1 + 1e-9))
    end = min(tick for tick in ticks if tick >= high * (1 - 1e-9) and tick > start)
    return start, end, [tick for tick in ticks if start <= tick <= end]


def steps(high):
    """The end and the ticks of an axis from 0."""
    size = 10.0 ** math.floor(math.log10(high or 1))
    step = next(size * part for part in (0.1, 0.2, 0.25, 0.5, 1, 2) if high / (size * part) <= 6)
    count = math.ceil(high / step - 1e-9) or 1
    return step * count, [round(step * number, 10) for number in range(count + 1)]


class Axis:
    """From values to places between `start` and `end`."""

    def __init__(self, values, start, end, log):
        self.log, self.start, self.end = log, start, end
        if log:
            self.low, self.high, self.ticks = decades(min(values), max(values))
        else:
            self.low = 0
            self.high, self.ticks = steps(max(values))

    def at(self, value):
        if self.log:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            part = value / self.high
        return self.start + (self.end - self.start) * part


def mark(x, y, number):
    shape, kind = SHAPES[number % len(SHAPES)], f"f{number % len(LIGHT)}"
    match shape:
        case "circle":
            return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        case "ring":
            return f'<circle class="{kind.replace("f", "s")}" fill="none" stroke-width="2" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        case "square":
            return f'<rect class="{kind}" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
        case "triangle":
            points = f"{x:.1f},{y - 5:.1f} {x + 5:.1f},{y + 4:.1f} {x - 5:.1f},{y + 4:.1f}"
        case "diamond":
            points = f"{x:.1f},{y - 6:.1f} {x + 5:.1f},{y:.1f} {x:.1f},{y + 6:.1f} {x - 5:.1f},{y:.1f}"
        case _:
            path = f"M{x - 4:.1f} {y - 4:.1f}L{x + 4:.1f} {y + 4:.1f}M{x + 4:.1f} {y - 4:.1f}L{x - 4:.1f} {y + 4:.1f}"
            return f'<path class="{kind.replace("f", "s")}" stroke-width="2.5" d="{path}"/>'
    return f'<polygon class="{kind}" points="{points}"/>'


def swatch(x, y, number):
    return f'<rect class="f{number % len(LIGHT)}" x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10"/>'


def legend(names, y, sign=mark):
    """Rows of signs and names from `y` on; the parts, and where what follows can begin."""
    parts, x = [], LEFT
    for number, name in enumerate(names):
        width = 30 + 7.2 * len(name)
        if x + width > WIDTH - RIGHT and x > LEFT:
            x, y = LEFT, y + 20
        parts += [sign(x + 5, y - 4, number), text(x + 16, y, name, kind="small")]
        x += width
    return parts, y + 16


def lines(title, description, x_label, y_label, series, x_log=False, y_log=False, x_ticks=None):
    """A chart of `series`: {name: [(x, median, least, most)]}. A thin line spans least to most."""
    parts, top = legend(list(series), TOP + 8) if len(series) > 1 else ([], TOP + 4)
    bottom = top + PLOT_HEIGHT
    points = [point for line in series.values() for point in line]
    x_axis = Axis([point[0] for point in points], LEFT + 10, WIDTH - RIGHT - 10, x_log)
    y_axis = Axis([value for point in points for value in point[1:]], bottom, top, y_log)
    for tick in y_axis.ticks:
        y = y_axis.at(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(text(LEFT - 8, y + 4, short(tick), "end", "small"))
    for tick in x_ticks or x_axis.ticks:
        x = x_axis.at(tick)
        parts.append(f'<path class="axis" d="M{x:.1f} {bottom}v5"/>')
        parts.append(text(x, bottom + 20, short(tick), "middle", "small"))
    parts.append(f'<path class="axis" d="M{LEFT} {bottom}H{WIDTH - RIGHT}"/>')
    for number, line in enumerate(series.values()):
        kind = f"s{number % len(LIGHT)}"
        places = [
            (x_axis.at(x), y_axis.at(median), y_axis.at(least), y_axis.at(most)) for x, median, least, most in line
        ]
        for x, _, least, most in places:
            parts.append(f'<path class="span {kind}" d="M{x:.1f} {least:.1f}V{most:.1f}"/>')
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y, _, _ in places)
        parts.append(f'<path class="line {kind}" d="M{path}"/>')
        parts += [mark(x, y, number) for x, y, _, _ in places]
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 42, x_label, "middle"))
    parts.append(text(20, (top + bottom) / 2, y_label, "middle", turn=-90))
    return document(int(bottom + 58), title, description, parts)


def bars(title, description, unit, rows, names=None, stacked=False):
    """Bars to the right: `rows` are (label, [(value, least, most, words)]), a value for each of `names`; None: no bar."""
    room = 20 + max(7.0 * len(label) for label, _ in rows)
    parts, y = legend(names, TOP + 8, swatch) if names and len(names) > 1 else ([], TOP + 4)
    totals = [
        sum(value[0] for value in values if value) if stacked else max(value[2] for value in values if value)
        for _, values in rows
    ]
    axis = Axis(totals, room, WIDTH - RIGHT - 90, False)
    body, top = [], y
    for label, values in rows:
        given = [(number, value) for number, value in enumerate(values) if value]
        height = 22 if stacked or len(given) == 1 else 16 * len(given)
        body.append(text(room - 10, y + height / 2 + 5, label, "end", "small"))
        x, place = room, y
        for number, (value, least, most, words) in given:
            end = axis.at(value) - room
            thick = 18 if stacked or len(given) == 1 else 13
            body.append(
                f'<rect class="f{number % len(LIGHT)}" x="{x:.1f}" y="{place:.1f}" width="{max(end, 0.5):.1f}" height="{thick}"/>'
            )
            if stacked:
                x += end
            else:
                if most > least:
                    body.append(
                        f'<path class="axis" d="M{axis.at(least):.1f} {place + thick / 2:.1f}H{axis.at(most):.1f}"/>'
                    )
                body.append(text(axis.at(max(value, most)) + 6, place + thick - 3, words, kind="small"))
                place += 16
        if stacked:
            body.append(text(x + 6, y + 14, " + ".join(value[3] for _, value in given), kind="small"))
        y += height + 10
    for tick in axis.ticks:
        x = axis.at(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {top - 4:.1f}V{y:.1f}"/>')
        parts.append(text(x, y + 16, short(tick), "middle", "small"))
    parts += body
    parts.append(text((room + WIDTH - RIGHT - 90) / 2, y + 38, unit, "middle"))
    return document(int(y + 54), title, description, parts)
