"""A card as Markdown, in the order of Annex IV of the AI Act, with a model hub's front matter.

One template, ``card.md``, says all of it; it escapes whatever comes from data or people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from assay.pages.templating import render_markdown_parts
from assay.project.params.card import POINTS, Point
from assay.project.tasks import Task
from assay.project.text import prose
from assay.promotion.card import pictures
from assay.promotion.card.facts import CardFacts
from assay.training.train.model_card import render_card

TITLES: Mapping[Point, str] = {
    "1": "General description",
    "2": "How it was made",
    "3": "How it works, and where it ends",
    "4": "Why it is measured like this",
    "5": "Risks and how they are managed",
    "6": "Changes",
    "7": "Standards",
    "8": "EU declaration of conformity",
    "9": "Monitoring in use",
}
"""The points of Annex IV of Regulation (EU) 2024/1689 (Article 11), in our words."""

_HUB_TASK: Mapping[Task, str] = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "regression": "tabular-regression",
}


def render(facts: CardFacts, annex: bool = False) -> str:
    """The card; the same facts give the same text.

    Parameters
    ----------
    annex
        As technical documentation: every point, numbered as in the Annex, also those of which
        nothing is stated, and a list of what is missing.
    """
    parts = render_markdown_parts(
        "card.md",
        {},
        whole=True,
        facts=facts,
        # The bundle's own card, without its title: one source for what training knows.
        training=Markup(render_card(facts.manifest).partition("\n")[2].strip()),
        whole_holdout=[([name], one) for name, one in facts.metrics.items()],
        slices=[(names, one) for *names, one in facts.slices()],
        groups=[(names, one) for *names, one in facts.groups()],
        reasons=[([name], one) for name, one in facts.reasons().items()],
        every=(facts.version, *facts.earlier),
    )
    texts = {part.title: part.text for part in parts}
    lines = [f"# {facts.name} {facts.version.version}"]
    if annex:
        lines = [
            f"{lines[0]}: technical documentation",
            "In the order of Annex IV of Regulation (EU) 2024/1689. What Assay measured is from "
            "the version's commit; what people stated is from `card` in its params.yaml.",
        ]
    for point in POINTS:
        own = facts.params.card.annex.get(point)
        paragraphs = [each for each in (texts.get(point), own and prose(own, len(own))) if each]
        if annex:
            lines += [f"## {point}. {TITLES[point]}", *(paragraphs or ["*Not stated.*"])]
        elif paragraphs:
            lines += [f"## {TITLES[point]}", *paragraphs]
    if annex and facts.missing:
        fields = ", ".join(f"`{name}`" for name in facts.missing)
        lines += ["## What is missing", f"Nobody has stated {fields} under `card` in params.yaml."]
    return "\n\n".join(lines) + "\n"


def front_matter(facts: CardFacts) -> str:
    """The metadata that model hubs read: YAML, of which each value is JSON."""
    task = _HUB_TASK[facts.manifest.task]
    metrics = [
        {"type": name, "name": name, "value": one.plain()["value"]}
        for name, one in facts.metrics.items()
    ]
    data = {"type": facts.name, "name": "holdout"}
    result = {"task": {"type": task}, "dataset": data, "metrics": metrics}
    name = f"{facts.name} {facts.version.version}"
    known: dict[str, Any] = {
        "license": facts.params.card.licence,
        "library_name": "assay",
        "pipeline_tag": task,
        "tags": ["assay", task, facts.manifest.task],
        "model-index": [{"name": name, "results": [result]}],
    }
    stated = (f"{key}: {json.dumps(value)}" for key, value in known.items() if value is not None)
    return "---\n" + "\n".join(stated) + "\n---\n\n"


def draw(facts: CardFacts) -> dict[str, str]:
    """The pictures by their file's name."""
    files = {}
    if slices := {title: one for title, _, one in facts.slices()}:
        assert facts.evaluation is not None
        rank = facts.evaluation.rank_by
        whole = facts.evaluation.metrics[rank].value
        files["slices.svg"] = pictures.intervals(f"{rank} by slice, the worst first", slices, whole)
    if reasons := facts.reasons():
        files["reasons.svg"] = pictures.intervals("mean absolute contribution", reasons)
    return files
