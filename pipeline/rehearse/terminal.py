"""The rehearsal in a few lines in a terminal."""

from __future__ import annotations

from pipeline.rehearse.results import Rehearsal


def show(found: Rehearsal) -> None:
    """Print whether both paths agree, and what scoring costs."""
    for line in lines(found):
        print(line)


def lines(found: Rehearsal) -> list[str]:
    """A line for each carrier, then what a batch costs."""
    told = []
    for one in found.parity:
        furthest = "no row has two scores" if one.largest is None else f"{one.largest:.3g}"
        told.append(
            f"rehearse: {one.carrier} carrier, {one.rows:,} rows in {one.seconds:.1f} s: "
            f"{one.differing:,} differ from the training code's scores "
            f"(furthest {furthest}, allowed {found.tolerance:g})"
        )
    cost = found.cost
    memory = "unknown memory" if cost.memory_mb is None else f"{cost.memory_mb:,.0f} MB of memory"
    told.append(
        f"rehearse: {cost.latency_ms:.3g} ms per 1,000 rows in batches of {cost.batch_rows:,}, "
        f"{memory}, a bundle of {found.bundle_mb:.3g} MB"
    )
    if found.why:
        told.append(f"rehearse: {found.why}")
    return told
