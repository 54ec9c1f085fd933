"""What the leakage stage looks at, and from where on it suspects: a section of params.yaml."""

from __future__ import annotations

from pipeline.params_types import Positive, Section, Share


class Leakage(Section):
    """Limits of checks between training and holdout; each is crossed by more than its value."""

    sample_rows: Positive = 50_000
    max_label_power: Share = 0.98
    max_category_shift: Share = 0.1
    max_label_shift: Share = 0.1
    max_duplicate_share: Share = 0.01
    max_identifier_share: Share = 0.95
