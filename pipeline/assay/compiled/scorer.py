"""A compiled model: its inputs, the body that sums its outputs, and link and calibration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from assay.columns.features import Features, Floats
from assay.compiled.archive import Data, build, dump, pack, unpack
from assay.compiled.inputs import Block, FeatureInputs, FeatureRows, NumberLimits, States
from assay.compiled.linear.linear import Constant, ConstantOutputs, Linear, Weights
from assay.compiled.post_transform import PostTransform
from assay.compiled.ranks import NumberRanks
from assay.compiled.texts import TextEncoder
from assay.compiled.trees.scan import Scan, ScanNodes, StateTests
from assay.compiled.trees.walk import StateRanks, Walk, WalkNodes
from assay.errors import BundleChanged

_SCHEMA = 3


class Body(Protocol):
    """The part of a compiled model that computes its raw outputs."""

    @property
    def kind(self) -> str: ...

    @property
    def outputs(self) -> int: ...

    def check(self, inputs: FeatureInputs) -> None:
        """Raise ValueError if anything would be read or written out of range."""
        ...

    def raw(self, rows: FeatureRows) -> Iterator[tuple[Block, Floats]]:
        """Blocks of rows with their outputs, of shape (outputs, rows)."""
        ...

    def edges(self, place: int) -> Floats:
        """Values of a numeric feature at or close to which an output may change."""
        ...


_PARTS: dict[str, dict[str, Any]] = {
    "scan": {"ranks": NumberRanks, "tests": StateTests, "nodes": ScanNodes},
    "walk": {"ranks": NumberRanks, "states": StateRanks, "nodes": WalkNodes},
    "linear": {"weights": Weights},
    "constant": {"sums": ConstantOutputs},
}
_BODIES: dict[str, Any] = {"scan": Scan, "walk": Walk, "linear": Linear, "constant": Constant}


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """A model as arrays; implements `assay.columns.features.Scorer`."""

    inputs: FeatureInputs
    body: Body
    finish: PostTransform

    @property
    def kind(self) -> str:
        """The kind of model: ``trees``, ``linear`` or ``constant``."""
        return self.body.kind

    def scores(self, features: Features) -> Floats:
        """One score for each row, or for each row and class, as scikit-learn gives it.

        A row that scikit-learn refuses, such as one with an infinite number, gets NaN. Working
        memory is that of one block of rows.
        """
        count, classes = features.rows, self.finish.classes
        out = np.empty((count, classes) if classes else count)
        if count == 0:
            return out
        for block, raw in self.body.raw(self.inputs.rows(features)):
            scores = self.finish.scores(raw)
            refused = block.refused()
            if refused is not None:
                scores[refused] = np.nan
            out[block.start : block.stop] = scores
        return out

    @cached_property
    def _form(self) -> str:
        return next(name for name, kind in _BODIES.items() if type(self.body) is kind)

    def to_bytes(self) -> bytes:
        """Serialise the model; the same model always gives the same bytes."""
        header, arrays = self.finish.parts()
        arrays |= dump(self.inputs.limits, "limits") | dump(self.inputs.states, "states")
        for name in _PARTS[self._form]:
            arrays |= dump(getattr(self.body, name), f"body.{name}")
        inputs = {
            "numeric": self.inputs.numeric,
            "categorical": self.inputs.categorical,
            "categories": self.inputs.categories,
            "texts": [text.header() for text in self.inputs.texts],
        }
        for place, text in enumerate(self.inputs.texts):
            arrays[f"texts.{place}.idf"] = text.idf
        return pack({"schema": _SCHEMA, "form": self._form, **inputs, **header}, arrays)

    @classmethod
    def from_bytes(cls, data: Data, where: str) -> CompiledModel:
        """Load a model. All indices are checked, so no row can lead out of its arrays.

        Its arrays are views of ``data``, which may be a file that is mapped to memory.

        Raises
        ------
        BundleChanged
            The data is not a compiled model, or is damaged.
        """
        try:
            return cls._parsed(data)
        except Exception as error:
            # Damaged bytes can make any step of parsing raise anything.
            found = f"{type(error).__name__}: {error}"
            raise BundleChanged("not a compiled model", where=where, found=found) from None

    @classmethod
    def _parsed(cls, data: Data) -> CompiledModel:
        header, arrays = unpack(data)
        if header["schema"] != _SCHEMA:
            raise ValueError(f"schema {header['schema']}")
        form = header["form"]
        inputs = FeatureInputs(
            _names(header["numeric"]),
            _names(header["categorical"]),
            tuple(_names(item) for item in header["categories"]),
            build(NumberLimits, "limits", arrays),
            build(States, "states", arrays),
            tuple(
                TextEncoder.of(text, arrays.pop(f"texts.{place}.idf"))
                for place, text in enumerate(header["texts"])
            ),
        )
        inputs.check()
        finish = PostTransform.from_parts(header, arrays)
        parts: dict[str, Any] = {
            name: build(kind, f"body.{name}", arrays) for name, kind in _PARTS[form].items()
        }
        body = _BODIES[form](**parts)
        body.check(inputs)
        finish.check(body.outputs)
        if arrays:
            raise ValueError(f"unknown arrays: {', '.join(sorted(arrays))}")
        return cls(inputs, body, finish)


def _names(items: Any) -> tuple[str, ...]:
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("names are no list of text")
    return tuple(items)
