"""A calibration as a file: the cost table in TOML, each value with how it came about."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from simkit.errors import printable
from simkit.host.costs import ANSWERS
from simkit.live.calibrate.cases import CERTIFICATES, LOADS, PAUSED, PAUSES_US
from simkit.live.calibrate.fit import after as after_pause
from simkit.live.calibrate.result import COOLED_KEYS

if TYPE_CHECKING:
    from tomlkit.items import Item

    from simkit.live.calibrate.result import Calibration, Value

__all__ = ["provenance", "to_toml"]

_WIDTH = 96
_TITLE = "What nginx's answers cost its worker, in microseconds of CPU time."
_PAUSES = "Pairs are a pause and the price after it, both in microseconds."
_GROUPS = {
    "handshake_us": ("A full handshake, beside accepting and the answer.", tuple(CERTIFICATES)),
    "new_connection_us": ("New connection each: accepted, answered, closed.", ANSWERS),
    "kept_connection_us": ("On a connection that stands.", ANSWERS),
}


def to_toml(found: Calibration, name: str) -> str:
    """The text of a cost table that `simkit.host.costs.load_costs` reads."""
    import tomlkit

    values = found.values()
    document = tomlkit.document()
    document.add(tomlkit.comment(_TITLE))
    document.add(tomlkit.comment(f"{_PAUSES} Written by simkit calibrate."))
    document.add(tomlkit.nl())
    document.add("name", tomlkit.string(name))
    document.add("nginx", tomlkit.string(printable(found.conditions.nginx)))
    document.add("provenance", tomlkit.string(provenance(found), multiline=True))
    document.add(tomlkit.nl())
    for key in _plain(values):
        document.add(key, _item(values, key))
    for group, (about, members) in _GROUPS.items():
        document.add(tomlkit.nl())
        document.add(tomlkit.comment(about))
        table = tomlkit.table()
        for member in members:
            table.add(member, _item(values, f"{group}.{member}"))
        document.add(group, table)
    return tomlkit.dumps(document)


def _plain(values: Mapping[str, Value]) -> list[str]:
    """The keys that stand in no table."""
    cooled = [key for key in COOLED_KEYS if "." not in key]
    return cooled + [key for key in values if "." not in key and " " not in key]


def _item(values: Mapping[str, Value], key: str) -> Item:
    """The number or the pairs, and how they came about and how far the repeats went apart."""
    import tomlkit

    if key not in COOLED_KEYS:
        value = values[key]
        return tomlkit.item(round(value.cost.us, 2)).comment(
            f"{value.how}; repeats {_apart(value)}"
        )
    found = [values[after_pause(key, pause_us)] for pause_us in PAUSES_US]
    pairs = [[us, round(v.cost.us, 2)] for us, v in zip(PAUSES_US, found, strict=True)]
    apart = ", ".join(map(_apart, found))
    return tomlkit.item(pairs).comment(f"{found[0].how}; repeats {apart}")


def _apart(value: Value) -> str:
    return f"{value.cost.low_us:.3g} to {value.cost.high_us:.3g}"


def provenance(found: Calibration) -> str:
    """Where the numbers come from and how far to trust them, in lines of text."""
    paragraphs = (_where(found), _how(found), *_loads(found), *_pauses(found), _fitted(found))
    return "".join(f"{line}\n" for text in paragraphs for line in _wrapped(printable(text)))


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent="  " if text.startswith("- ") else "")


def _where(found: Calibration) -> str:
    was = found.conditions
    cores = (
        "The worker had a core of its own, on which the load generator did not run."
        if was.apart
        else "Worker and load generator shared the one core that was there."
    )
    first = (
        " Whenever it was ready, it ran before whoever else was there."
        if was.first
        else " Where others ran on its core, it waited for its turn."
    )
    before, after = was.load_average
    return (
        f"Measured by simkit calibrate on {was.date}, on loopback, against nginx {was.nginx}. "
        f"{was.processor}, {was.cores} cores. {cores}{first} Load average of the machine: "
        f"{before:.1f} before, {after:.1f} after."
    )


def _how(found: Calibration) -> str:
    was = found.conditions
    return (
        "Counted was the worker's own CPU time (/proc/PID/schedstat), and how often it went to "
        "sleep (voluntary context switches). nginx had one worker, a log line for each request, "
        "sendfile off, TLS 1.3 with P-256, RSA-2048 or RSA-3072, connections to the upstream kept "
        "alive. "
        f"{found.requests:,} requests, in {was.repeats} repeats of {was.window_s:g} s for each "
        "kind of traffic under each load:"
    )


def _pauses(found: Calibration) -> Iterator[str]:
    names = {load.name for load in PAUSED}
    rows = [one for one in found.measurements if one.load in names]
    if rows:
        woken = _range([one.wake_ups_per_request for one in rows], ".2f")
        cases = ", ".join(dict.fromkeys(one.case for one in rows))
        pauses = ", ".join(f"{us / 1000:g}" for us in PAUSES_US)
        yield f"- one at a time, {pauses} ms after the last, of {cases}; {woken} wake-ups each"


def _loads(found: Calibration) -> Iterator[str]:
    for load in LOADS:
        rows = [one for one in found.measurements if one.load == load.name]
        if rows:
            reached = _range([one.utilisation for one in rows], ".0%")
            woken = _range([one.wake_ups_per_request for one in rows], ".2f")
            how = "that waited together for the worker" if load.held else "at a time"
            yield (
                f"- {load.name}: up to {load.at_once} {how}; {load.utilisation:.0%} of a core "
                f"wanted, {reached} reached; {woken} wake-ups each"
            )


def _range(numbers: Sequence[float], form: str) -> str:
    return f"{min(numbers):{form}} to {max(numbers):{form}}"


def _fitted(found: Calibration) -> str:
    spreads = sorted(value.cost.spread for value in found.values().values())
    off = sorted(simulated / seen - 1 for seen, simulated in found.alone().values())
    others = found.fit.flat(fitted=False)
    return (
        "Fitted: CPU = Σ wake-ups and events × cost, by least squares of relative errors, no cost "
        "below 0 and none that falls with the pause, to the high load and the pauses of each "
        "repeat; a value is the median over them. "
        f"Residuals: {found.fit.rms_residual:.0%} root mean square, "
        f"{found.fit.largest_residual:+.0%} the largest. Half the range over the repeats: "
        f"{median(spreads):.0%} of a value in the median, {spreads[-1]:.0%} at most. The loads "
        f"that were not fitted come out {_range(others, '+.0%')} off, median "
        f"{median(others):+.0%}. What a request that comes alone costs in simulation, against what "
        f"was measured: {_range(off, '+.0%')}, median {median(off):+.0%}."
    )
