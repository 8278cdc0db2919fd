# SPDX-License-Identifier: BSD-2-Clause
"""The tables of the completion suite, as Markdown."""
from completion_samples import (COLUMNS, LOADS, MODE_LOADS, PLACES, STYLES, Samples, mode_point,
                                sweep)
from paired import describe

PLACE_WORDS = {"two": "engine and device on a core of their own",
               "one": "engine, device and application on one core",
               "driven": "engine driven by the application's loop"}
MODES = ("interrupt", "poll", "adaptive")


def cell(samples, name, figure, scale, digits):
    """The median over the valid samples; with a star: over all, for none is valid."""
    value = samples.median(name, figure)
    if value is not None:
        return f"{value / scale:.{digits}f}"
    value = samples.median_of_all(name, figure)
    return "none" if value is None else f"{value / scale:.{digits}f}*"


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def sweep_table(samples, place, figure, scale, digits):
    rows = [[load, *(cell(samples, sweep(place, load, column), figure, scale, digits)
                     for column in COLUMNS)] for load in LOADS]
    return table(["load", *COLUMNS], rows)


def sweep_tables(samples, document):
    for place in PLACES:
        capacity = document["capacity"][place]
        yield ""
        yield f"**{PLACE_WORDS[place].capitalize()}**: capacity {capacity / 1e6:.3f} million frames/s."
        for figure, words, scale, digits in (
                ("goodput_fps", "Goodput, share of the capacity:", capacity, 2),
                ("p99_ns", "p99 from due to hand-over, µs:", 1000, 0),
                ("app_cpu_ns", "CPU of the application's thread per frame done, ns:", 1, 0),
                ("engine_cpu_ns", "CPU of the engine's thread per frame done, ns:", 1, 0)):
            if place == "driven" and figure == "engine_cpu_ns":
                continue
            yield ""
            yield words
            yield ""
            yield from sweep_table(samples, place, figure, scale, digits)


def calls_table(samples):
    figures = (("notifies", 4), ("border_calls", 4), ("doorbells", 4), ("wakeups", 4),
               ("largest_burst", 0))
    rows = [[style, *(cell(samples, f"calls/{style}", figure, 1, digits)
                      for figure, digits in figures)] for style in STYLES]
    yield ""
    yield "Per frame, four times the capacity, budget 32, two cores:"
    yield ""
    yield from table(["style", "bells", "calls across the border", "doorbells", "wake-ups",
                      "largest burst"], rows)


def causes_table(samples):
    variants = ("wakeups", "saturated", "warm_data", "cold_data")
    rows = [[style, *(cell(samples, f"cause/{variant}/{style}", "app_cpu_ns", 1, 0)
                      for variant in variants)] for style in STYLES]
    yield ""
    yield ("CPU of the application's thread per frame, ns, two cores, interrupt mode, and what is "
           "different:")
    yield ""
    yield from table(["style", "half the capacity: wake-ups", "twice: none",
                      "twice, 32 buffers: warm", "twice, 4096 buffers: cold"], rows)


def modes_table(samples, place, words):
    yield ""
    yield f"Modes of the style `poll`, {words}: goodput in million frames/s, p99 in µs, CPU in cores:"
    yield ""
    rows = []
    loads = MODE_LOADS[place]
    for load in (*loads, "low", "idle"):
        names = [mode_point(place, load, mode) if load in loads else f"mode/{place}/{load}/{mode}"
                 for mode in MODES]
        rows.append([load, *(cell(samples, name, figure, scale, digits)
                             for figure, scale, digits in
                             (("goodput_fps", 1e6, 3), ("p99_ns", 1000, 1), ("app_cpu_share", 1, 3))
                             for name in names)])
    head = [f"{figure} {mode}" for figure in ("goodput", "p99", "CPU") for mode in MODES]
    yield from table(["load", *head], rows)


def fairness_table(samples):
    rows = []
    for place in PLACES:
        for style in STYLES:
            where = f"fairness/{place}/{style}"
            rows.append([place, style,
                         *(cell(samples, f"{where}/{which}", "p99_ns", 1000, 1)
                           for which in ("alone", "beside_eight"))])
    yield ""
    yield "Eight flooded ports and a light one, polled: p99 of the light one, µs:"
    yield ""
    yield from table(["cores", "style", "alone", "beside eight"], rows)


def control_lines(samples):
    yield ""
    for place in PLACES:
        ratio = samples.ratio(samples.figure(sweep(place, "1", "control"), "goodput_fps"),
                              samples.figure(sweep(place, "1", "poll"), "goodput_fps"))
        if ratio:
            yield f"A/A control at load 1, {place}: {ratio[0]:.3f} {describe(ratio[1], ratio[2])}."
    invalid = sum(samples.invalid(name) for name in samples.by_name)
    every = sum(len(each) for each in samples.by_name.values())
    yield (f"{invalid} of {every} samples are invalid: the device itself came too late for more than "
           f"1 % of the frames. A star marks points without a valid sample; no ratio is made of them.")


def markdown(document):
    samples = Samples(document)
    facts, parameters = document["facts"], document["parameters"]
    kernel = facts["kernel"].partition("-")[0]
    of_modes = [len(samples.by_name.get(mode_point(place, load, "adaptive"), ()))
                for place, loads in MODE_LOADS.items() for load in loads]
    of_bars = len(samples.by_name.get(sweep("two", "10", "poll"), ()))
    yield (f"{facts['cpu']}, Linux {kernel}, {facts['compiler']}, commit {facts['commit']}, seed "
           f"{parameters['seed']}, {parameters['repetitions']} repetitions of "
           f"{parameters['seconds']} s per point ({of_bars} of overload and fairness, {min(of_modes)} "
           f"to {max(of_modes)} of half of it where modes are compared), "
           f"{parameters['work_ns']} ns of work per frame.")
    yield from sweep_tables(samples, document)
    yield from calls_table(samples)
    yield from causes_table(samples)
    yield from modes_table(samples, "two", "two cores")
    yield from modes_table(samples, "tap", "from TAP to TAP")
    yield from fairness_table(samples)
    yield from control_lines(samples)
