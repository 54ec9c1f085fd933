"""Whether scoring matches training, and what scoring costs."""

from __future__ import annotations

from collections.abc import Iterator

from assay.reports.rehearsal import Rehearsal


def lines(found: Rehearsal) -> Iterator[str]:
    """A line for each carrier, then the cost of a batch."""
    for one in found.parity:
        furthest = "no row has two scores" if one.largest is None else f"{one.largest:.3g}"
        yield (
            f"rehearse: {one.carrier} carrier, {one.rows:,} rows in {one.seconds:.1f} s: "
            f"{one.differing:,} differ from the training code's scores "
            f"(furthest {furthest}, allowed {found.tolerance:g})"
        )
    cost = found.cost
    memory = "unknown memory" if cost.memory_mb is None else f"{cost.memory_mb:,.0f} MB of memory"
    yield (
        f"rehearse: {cost.latency_ms:.3g} ms per 1,000 rows in batches of {cost.batch_rows:,}, "
        f"{memory}, a bundle of {found.bundle_mb:.3g} MB"
    )
    if found.why:
        yield f"rehearse: {found.why}"
