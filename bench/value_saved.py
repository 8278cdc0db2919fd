# SPDX-License-Identifier: BSD-2-Clause
"""A run of the value rings as a file: thousands of samples, a line for each contender of a point."""
import json

FIELDS = ("round", "mps", "core_share", "round_trip_ns")


def packed(samples):
    """By point and contender, each sample a list of FIELDS."""
    points = {}
    for sample in samples:
        contenders = points.setdefault(sample["point"], {})
        contenders.setdefault(sample["contender"], []).append([sample[key] for key in FIELDS])
    return points


def unpacked(points):
    return [{"point": point, "contender": contender, **dict(zip(FIELDS, sample))}
            for point, contenders in points.items()
            for contender, samples in contenders.items() for sample in samples]


def lines_of(points):
    for number, (point, contenders) in enumerate(points.items()):
        yield f'  {json.dumps(point)}: {{'
        for place, (contender, samples) in enumerate(contenders.items()):
            comma = "," if place < len(contenders) - 1 else ""
            rows = json.dumps(samples, separators=(",", ":"))
            yield f"   {json.dumps(contender)}: {rows}{comma}"
        yield "  }" + ("," if number < len(points) - 1 else "")


def save(directory, name, document):
    """Writes `name`.json into `directory`, whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"{name}.json"
    head = {key: value for key, value in document.items() if key != "samples"}
    head["fields"] = FIELDS
    text = json.dumps(head, indent=1).removesuffix("\n}")
    text += ',\n "samples": {\n' + "\n".join(lines_of(packed(document["samples"]))) + "\n }\n}\n"
    unfinished = target.with_suffix(".tmp")
    unfinished.write_text(text)
    unfinished.replace(target)
    print(f"# raw figures: {target}")


def load(path):
    document = json.loads(path.read_text())
    document["samples"] = unpacked(document["samples"])
    return document
