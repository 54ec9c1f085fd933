"""Whether scoring matches training, what it costs, and what the last nights would have been."""

from __future__ import annotations

from collections.abc import Iterator

from assay.project.text import counted, format_exact_percent
from assay.reports.rehearsal import (
    LastNights,
    ModelNight,
    NightChange,
    Rehearsal,
    RehearsedNight,
    RehearsedNights,
)


def lines(found: Rehearsal) -> Iterator[str]:
    """A line for each carrier, the cost of a batch, what is not compiled, a line for each night."""
    for one in found.parity:
        furthest = "no row has two scores" if one.largest is None else f"{one.largest:.3g}"
        yield (
            f"rehearse: {one.carrier} carrier, {counted(one.rows, 'row')} in {one.seconds:.1f} s: "
            f"{one.differing:,} differ from the training code's scores "
            f"(furthest {furthest}, allowed {found.tolerance:g})"
        )
    cost = found.cost
    memory = "unknown memory" if cost.memory_mb is None else f"{cost.memory_mb:,.0f} MB of memory"
    yield (
        f"rehearse: {cost.latency_ms:.3g} ms per 1,000 rows in batches of {cost.batch_rows:,}, "
        f"{memory}, a bundle of {found.bundle_mb:.3g} MB"
    )
    for part in found.uncompiled:
        yield f"rehearse: {part}"
    if found.why:
        yield f"rehearse: {found.why}"
    if found.nights is not None:
        yield from _nights(found.nights)


def night_lines(found: LastNights) -> Iterator[str]:
    """Which nights there are, and a line for each that cannot be scored."""
    if found.why is not None:
        yield f"nights: none: {found.why}"
        return
    first, last = found.nights[0].day, found.nights[-1].day
    yield f"nights: {len(found.nights)} of the input, {first} to {last}"
    for night in found.nights:
        if night.why is not None:
            yield f"nights: {night.day} cannot be scored: {night.why}"


def _nights(found: RehearsedNights) -> Iterator[str]:
    if found.why is not None:
        yield f"rehearse: no nights: {found.why}"
        return
    if found.champion.why is not None:
        yield f"rehearse: nights without a champion: {found.champion.why}"
    for night in found.nights:
        yield f"rehearse: night {night.day}: {_night(night)}"


def _night(night: RehearsedNight) -> str:
    if night.challenger is None:
        return f"not scored: {night.why}"
    refused = f"{night.challenger.quarantined:,} refused{_held(night.challenger)}"
    told = f"{counted(night.rows, 'row')}, {refused}"
    if night.change is not None:
        return f"{told}; {_change(night.change)}"
    return told + (f"; the champion did not: {night.champion_why}" if night.champion_why else "")


def _held(model: ModelNight) -> str:
    return f", would be held ({'; '.join(model.held)})" if model.held else ""


def _change(change: NightChange) -> str:
    told = [f"{change.newly_quarantined:,} that the champion takes"]
    if change.flipped is not None and change.rows:
        told.append(f"{format_exact_percent(change.flipped / change.rows)} decided otherwise")
    if change.absolute_change is not None:
        told.append(f"mean change {change.absolute_change:.4g}")
    if change.distance is not None:
        told.append(f"score distance {change.distance:.3f}")
    return ", ".join(told)
