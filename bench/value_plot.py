# SPDX-License-Identifier: BSD-2-Clause
"""Throughput over burst as SVG: a panel for each capacity and element, a line for each contender."""
import math
from html import escape

from value_bench import point_key
from value_figures import OURS, figures_of
from value_report import limits_of

PANEL_W, PANEL_H, LEFT, TOP, GAP = 240, 170, 60, 56, 46
COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22")


def curves(document):
    """Medians by (capacity, bytes), contender and burst, where the cores were most often."""
    panels, where = {}, {}
    figures = figures_of([sample for sample in document["samples"]
                          if sample["point"].startswith("spsc/")], limits_of(document))
    for point, own in figures.items():
        for name in own.places:
            where[name] = where.get(name, 0) + len(own.places[name].pairs)
    if not where:
        return {}, ""
    most = max(where, key=where.get)
    for point, own in figures.items():
        _, capacity, size, burst = point_key(point)
        place = own.places.get(most)
        for contender in place.rates if place else ():
            line = panels.setdefault((capacity, size), {}).setdefault(contender, {})
            line[burst] = place.median(contender)
    return panels, most


def text(x, y, words, anchor="middle", size=11):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
            f"{escape(words)}</text>")


class Panel:
    """One pair of axes, both logarithmic."""

    def __init__(self, x, y, bursts, low, high):
        self.x, self.y, self.bursts, self.low, self.high = x, y, bursts, low, high

    def at(self, burst, rate):
        across = math.log2(burst) / max(1.0, math.log2(max(self.bursts)))
        up = (math.log10(rate) - self.low) / (self.high - self.low)
        return self.x + across * PANEL_W, self.y + (1 - up) * PANEL_H

    def frame(self, title):
        parts = [f'<rect x="{self.x}" y="{self.y}" width="{PANEL_W}" height="{PANEL_H}" '
                 f'fill="none" stroke="#999"/>', text(self.x + PANEL_W / 2, self.y - 6, title)]
        for decade in range(self.low, self.high + 1):
            _, y = self.at(1, 10 ** decade)
            parts.append(f'<path d="M{self.x} {y:.1f}h{PANEL_W}" stroke="#ddd"/>')
            parts.append(text(self.x - 5, y + 4, f"{10 ** decade:g}", "end", 10))
        for burst in self.bursts:
            x, _ = self.at(burst, 10 ** self.low)
            parts.append(text(x, self.y + PANEL_H + 13, str(burst), size=10))
        return parts

    def line(self, rates, colour, bold):
        points = [self.at(burst, rate) for burst, rate in sorted(rates.items()) if rate > 0]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        width = 2.6 if bold else 1.3
        return [f'<polyline points="{path}" fill="none" stroke="{colour}" '
                f'stroke-width="{width}"/>',
                *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width:.1f}" fill="{colour}"/>'
                  for x, y in points)]


def svg(document):
    """The whole picture; None when there is nothing to show."""
    panels, where = curves(document)
    if not panels:
        return None
    rates = [rate for lines in panels.values() for line in lines.values()
             for rate in line.values() if rate > 0]
    low, high = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)))
    high = max(high, low + 1)
    bursts = sorted({burst for lines in panels.values() for line in lines.values()
                     for burst in line})
    capacities = sorted({capacity for capacity, _ in panels})
    sizes = sorted({size for _, size in panels})
    names = {name for lines in panels.values() for name in lines}
    names = [OURS, *sorted(names - {OURS})]
    width = LEFT + len(capacities) * (PANEL_W + GAP)
    height = TOP + len(sizes) * (PANEL_H + GAP) + 10
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>',
             text(width / 2, 16, f"Million elements per second over burst, one producer and one "
                                 f"consumer, cores {where}", size=13)]
    for number, name in enumerate(names):
        x = LEFT + number * (width - LEFT) / len(names)
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<path d="M{x:.1f} 30h14" stroke="{colour}" stroke-width="3"/>')
        parts.append(text(x + 17, 34, name, "start", 10))
    for column, capacity in enumerate(capacities):
        for row, size in enumerate(sizes):
            panel = Panel(LEFT + column * (PANEL_W + GAP), TOP + row * (PANEL_H + GAP), bursts,
                          low, high)
            parts += panel.frame(f"capacity {capacity}, {size} bytes")
            lines = panels.get((capacity, size), {})
            for number, name in reversed(list(enumerate(names))):
                if name in lines:
                    parts += panel.line(lines[name], COLOURS[number % len(COLOURS)], name == OURS)
    return "\n".join([*parts, "</svg>", ""])
