"""A card as CycloneDX 1.6: the model, its data and the packages that it was made with."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import Any

from assay.metrics.estimate import Estimate
from assay.project.document import dumps
from assay.project.tasks import Task
from assay.promotion.card.facts import CardFacts

MODEL = "model"
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_TASK: Mapping[Task, str] = {
    "binary": "binary classification",
    "multiclass": "multiclass classification",
    "regression": "regression",
}
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
_LONGEST = 80


def render(facts: CardFacts) -> str:
    """The document as JSON; the same facts and installed packages give the same bytes."""
    data, packages = list(_data(facts)), list(packages_of(facts.pins, facts.manifest.versions))
    named = f"{facts.name} {facts.version.version} {facts.version.bundle}"
    made = document(named, _model(facts, data), [*data, *packages])
    made["metadata"]["timestamp"] = facts.version.at
    return dumps(made)


def document(
    named: str, component: dict[str, Any], parts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """A document about a component that depends on its parts.

    Parameters
    ----------
    named
        Tells it from all others; the same name gives the same serial number.
    """
    tool = {"type": "application", "name": "assay", "version": version("assay")}
    refs = [each["bom-ref"] for each in parts]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, named)}",
        "version": 1,
        "metadata": {"tools": {"components": [tool]}, "component": component},
        "components": list(parts),
        "dependencies": [{"ref": component["bom-ref"], "dependsOn": refs}],
    }


def packages_of(pins: str, used: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A component for each pinned package, with the hashes of its files and its licence.

    Parameters
    ----------
    pins
        Lines as pip reads them, with hashes.
    used
        The versions that the model was trained with. One that differs from its pin is named as it
        was, without hashes.
    """
    packages: dict[str, tuple[str, list[str]]] = {}
    for entry in re.split(r"\n(?=\S)", pins.replace("\\\n", "")):
        pin = _PIN.match(entry)
        if pin is not None:
            packages[pin["name"]] = pin["version"], _HASH.findall(entry)
    for name, value in used.items():
        if packages.get(name, ("",))[0] != value:
            packages[name] = value, []
    for name, (value, hashes) in sorted(packages.items()):
        url = f"pkg:pypi/{name}@{value}" if name != "python" else f"pkg:generic/python@{value}"
        component: dict[str, Any] = {
            "type": "library" if name != "python" else "platform",
            "bom-ref": url,
            "name": name,
            "version": value,
            "purl": url,
            **_licences(name, value),
        }
        if hashes:
            component["externalReferences"] = [
                {
                    "type": "distribution",
                    "url": url,
                    "hashes": [{"alg": "SHA-256", "content": each} for each in sorted(hashes)],
                }
            ]
        yield component


def _licences(name: str, wanted: str) -> dict[str, Any]:
    """As the installed package states it; nothing if another version, or none, is installed."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return {}
    if installed.version != wanted:
        return {}
    stated = installed.metadata.json
    if expression := stated.get("license_expression"):
        return {"licenses": [{"expression": expression}]}
    classified = [
        each.rpartition(" :: ")[2]
        for each in stated.get("classifier", [])
        if each.startswith("License :: ")
    ]
    text = str(stated.get("license") or "").strip().split("\n")[0][:_LONGEST]
    names = classified or ([text] if text else [])
    return {"licenses": [{"license": {"name": each}} for each in names]} if names else {}


def _data(facts: CardFacts) -> Iterator[dict[str, Any]]:
    for name, digest in facts.digests().items():
        kind = "definition" if name == "contract" else "dataset"
        yield {
            "type": "data",
            "bom-ref": f"data:{name.replace(' ', '-')}",
            "name": name,
            "hashes": [_hash(digest)],
            "data": [{"type": kind, "name": name}],
        }


def _model(facts: CardFacts, data: list[dict[str, Any]]) -> dict[str, Any]:
    card, manifest = facts.params.card, facts.manifest
    stated: dict[str, Any] = {}
    if card.owner is not None:
        key = "email" if _EMAIL.fullmatch(card.contact or "") else "name"
        contact = {"contact": [{key: card.contact}]} if card.contact else {}
        stated["supplier"] = {"name": card.owner, **contact}
    if card.licence is not None:
        stated["licenses"] = [{"expression": card.licence}]
    considerations: dict[str, Any] = {
        "useCases": [card.intended_use] if card.intended_use else [],
        "technicalLimitations": [card.limits] if card.limits else [],
        "ethicalConsiderations": [{"name": card.ethics}] if card.ethics else [],
    }
    measured: list[tuple[str, str | None, Estimate]] = [
        *((name, None, one) for name, one in facts.metrics.items()),
        *((name, title, one) for title, name, one in (*facts.slices(), *facts.groups())),
    ]
    return {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "name": facts.name,
        "version": facts.version.version,
        "hashes": [_hash(facts.version.bundle)],
        **stated,
        "modelCard": {
            "modelParameters": {
                "approach": {"type": "supervised"},
                "task": _TASK[manifest.task],
                "modelArchitecture": manifest.estimator,
                "datasets": [
                    {"ref": each["bom-ref"]} for each in data if each["name"] != "contract"
                ],
                "inputs": [{"format": name} for name in manifest.features],
                "outputs": [{"format": manifest.label}],
            },
            "quantitativeAnalysis": {"performanceMetrics": [_measure(*each) for each in measured]},
            "considerations": {key: told for key, told in considerations.items() if told},
        },
        "properties": [
            {"name": f"assay:{name}", "value": value}
            for name, value in (
                ("commit", facts.version.commit),
                ("outcome", facts.version.outcome),
                ("oversight", card.oversight),
                ("signed", facts.signed),
            )
            if value
        ],
    }


def _measure(name: str, title: str | None, one: Estimate) -> dict[str, Any]:
    estimate = one.plain()
    measure: dict[str, Any] = {"type": name, "value": str(estimate["value"])}
    if title is not None:
        measure["slice"] = title
    if estimate["low"] is not None and estimate["high"] is not None:
        ends = {"lowerBound": str(estimate["low"]), "upperBound": str(estimate["high"])}
        measure["confidenceInterval"] = ends
    return measure


def _hash(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest.removeprefix("sha256:")}
