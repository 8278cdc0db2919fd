# SPDX-License-Identifier: BSD-2-Clause
"""The sweep as SVG: a panel for each placement and figure, a line for each style."""
import math
from html import escape

from completion_samples import COLUMNS, LOADS, PLACES, Samples, sweep

PANEL_W, PANEL_H, LEFT, TOP, GAP = 330, 220, 66, 64, 60
COLOURS = ("#d62728", "#ff7f0e", "#bcbd22", "#2ca02c", "#1f77b4", "#9467bd", "#7f7f7f", "#c7c7c7")
FIGURES = {"goodput": ("goodput_fps", "Goodput over offered load, shares of the capacity", None),
           "p99": ("p99_ns", "p99 from due to hand-over, µs", 1000),
           "cpu": ("cpu_ns", "CPU of both threads per frame done, ns", 1)}
PLACE_WORDS = {"two": "two cores", "one": "one core shared", "driven": "driven engine"}


def value_of(samples, place, load, column, figure):
    name = sweep(place, load, column)
    if figure != "cpu_ns":
        return samples.median(name, figure)
    parts = [samples.median(name, each) for each in ("app_cpu_ns", "engine_cpu_ns")]
    return None if None in parts else sum(parts)


def text(x, y, words, anchor="middle", size=11):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="#333">{escape(words)}</text>')


class Axes:
    """A panel: load across, logarithmic; the figure up, from 0 or logarithmic."""

    def __init__(self, x, values, logarithmic):
        self.x, self.logarithmic = x, logarithmic
        top = max(values, default=1)
        if logarithmic:
            self.low = math.floor(math.log10(max(min(values, default=1), 1e-9)))
            self.high = max(math.ceil(math.log10(top)), self.low + 1)
        else:
            self.low, self.high = 0, top * 1.05

    def at(self, load, value):
        first, last = (math.log10(float(each)) for each in (LOADS[0], LOADS[-1]))
        across = (math.log10(float(load)) - first) / (last - first)
        level = math.log10(max(value, 1e-9)) if self.logarithmic else value
        return (self.x + across * PANEL_W,
                TOP + (1 - (level - self.low) / (self.high - self.low)) * PANEL_H)

    def marks(self):
        if self.logarithmic:
            return [10 ** exponent for exponent in range(self.low, self.high + 1)]
        step = 10 ** math.floor(math.log10(self.high))
        step = step if self.high / step >= 4 else step / 4
        return [i * step for i in range(int(self.high / step) + 1)]

    def frame(self, title):
        yield (f'<rect x="{self.x}" y="{TOP}" width="{PANEL_W}" height="{PANEL_H}" fill="none" '
               f'stroke="#999"/>')
        yield text(self.x + PANEL_W / 2, TOP - 8, title)
        for mark in self.marks():
            _, y = self.at(LOADS[0], mark)
            yield f'<path d="M{self.x} {y:.1f}h{PANEL_W}" stroke="#ddd"/>'
            yield text(self.x - 5, y + 4, f"{mark:g}", "end", 10)
        for load in LOADS:
            x, _ = self.at(load, self.marks()[-1])
            yield text(x, TOP + PANEL_H + 14, load, size=9)
        yield text(self.x + PANEL_W / 2, TOP + PANEL_H + 30, "offered load / capacity", size=10)


def lines_of(document, place, figure, scale):
    samples = Samples(document)
    scale = scale or document["capacity"][place]
    lines = {}
    for column in COLUMNS[:-1]:
        points = [(load, value_of(samples, place, load, column, figure)) for load in LOADS]
        lines[column] = [(load, value / scale) for load, value in points if value is not None]
    return lines


def svg(document, which):
    """One picture; which: a key of FIGURES."""
    figure, title, scale = FIGURES[which]
    width = LEFT + len(PLACES) * (PANEL_W + GAP)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
             f'height="{TOP + PANEL_H + 44}" font-family="sans-serif">'
             '<rect width="100%" height="100%" fill="white"/>', text(width / 2, 18, title, size=14)]
    for number, column in enumerate(COLUMNS[:-1]):
        x = LEFT + number * (width - LEFT) / (len(COLUMNS) - 1)
        parts.append(f'<path d="M{x:.1f} 36h14" stroke="{COLOURS[number]}" stroke-width="3"/>')
        parts.append(text(x + 18, 40, column, "start"))
    for index, place in enumerate(PLACES):
        lines = lines_of(document, place, figure, scale)
        values = [value for points in lines.values() for _, value in points]
        axes = Axes(LEFT + index * (PANEL_W + GAP), values, which != "goodput")
        parts += axes.frame(PLACE_WORDS[place])
        for number, points in enumerate(lines.values()):
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (axes.at(*point) for point in points))
            parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[number]}" '
                         f'stroke-width="1.8"/>')
    return "\n".join([*parts, "</svg>", ""])
