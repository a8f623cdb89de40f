# SPDX-License-Identifier: Apache-2.0
"""A strict reader of Prometheus' text format 0.0.4, which also holds a page
to the conventions for names: what a linter would say is an error here."""
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
SAMPLE = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r"(?:\{(?P<labels>[^{}]*)\})? (?P<value>\S+)\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"\Z')
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
# Units that are not base units, and types in a name.
BANNED = re.compile(r"_(ms|milliseconds?|minutes|hours|kb|mb|kilobytes|"
                    r"megabytes|bits|counter|gauge)(_|\Z)")


class Fault(Exception):
    """Something in the page is not as it must be."""


def read(text):
    """{name: {labels as a tuple of pairs: value}} of a page."""
    metrics, helps, types = {}, {}, {}
    current = None
    if not text.endswith("\n"):
        raise Fault("the last line does not end")
    for number, line in enumerate(text[:-1].split("\n"), 1):
        try:
            current = read_line(line, metrics, helps, types, current)
        except Fault as fault:
            raise Fault(f"line {number}: {fault}: {line!r}") from None
    for name, kind in types.items():
        check_name(name, kind)
        if name not in metrics:
            raise Fault(f"{name} has a type and no sample")
        if name not in helps:
            raise Fault(f"{name} has no help")
    return metrics


def read_line(line, metrics, helps, types, current):
    if line.startswith("# HELP "):
        name, _, text = line[7:].partition(" ")
        if not NAME.match(name) or not text or name in helps:
            raise Fault("a bad or second HELP")
        helps[name] = text
        return current
    if line.startswith("# TYPE "):
        name, _, kind = line[7:].partition(" ")
        if not NAME.match(name) or kind not in TYPES or name in types:
            raise Fault("a bad or second TYPE")
        if name in metrics:
            raise Fault("TYPE behind a sample")
        types[name] = kind
        return name
    found = SAMPLE.match(line)
    if not found:
        raise Fault("neither comment nor sample")
    name = found["name"]
    if name != current:
        raise Fault(f"a sample of {name} outside its group")
    labels = read_labels(found["labels"])
    value = float(found["value"])
    if types[name] == "counter" and not value >= 0:
        raise Fault("a counter below zero")
    if labels in metrics.setdefault(name, {}):
        raise Fault("the same sample twice")
    metrics[name][labels] = value
    return current


def read_labels(text):
    if text is None:
        return ()
    labels = []
    for part in text.split(","):
        found = LABEL.match(part)
        if not found or found[1].startswith("__"):
            raise Fault(f"a bad label {part!r}")
        labels.append((found[1], found[2]))
    if len({name for name, _ in labels}) != len(labels):
        raise Fault("a label twice")
    return tuple(sorted(labels))


def check_name(name, kind):
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise Fault(f"{name} is not in snake case")
    if (kind == "counter") != name.endswith("_total"):
        raise Fault(f"{name} is a {kind}: _total is for counters")
    if BANNED.search(name):
        raise Fault(f"{name} says a unit or a type that it should not")
