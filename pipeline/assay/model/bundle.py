"""A bundle: the folder that a training run writes, identified by its digest.

==================  ===========================================================
``manifest.json``   metadata and the SHA-256 of every other file
``model.skops``     the model
``reference.json``  profile of the training window, and how its nights differ
``reference.parquet``  a sample of the training window with out-of-fold scores
``card.md``         the model card, for people
``compiled.npz``    the model as arrays, if it could be compiled exactly
``reasons.npz``     what explains its scores besides, if they can be explained exactly
``error@*.skops``   for a regression: models of its absolute and its squared error
``error@*.npz``     those models as arrays
==================  ===========================================================

The digest of a bundle is the SHA-256 of its manifest. Each file is verified when a bundle is
loaded, and again when its bytes are read to be parsed, so no file can change between check and use.
What is not parsed is not held: scoring with the compiled form never holds the skops file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from assay.columns.features import Scorer
from assay.columns.reference import Reference
from assay.compiled import CompiledModel, fitted_model
from assay.compiled.fitted_model import Model
from assay.errors import BundleChanged
from assay.model import load_trial
from assay.model import model as models
from assay.model.bundle_files import Files, read, verify
from assay.model.manifest import CODE, MANIFEST, Manifest, parse_errors, parse_manifest
from assay.project import partitions, source_code
from assay.project.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

MODEL = fitted_model.FILE
REFERENCE = "reference.json"
SAMPLE = "reference.parquet"
CARD = "card.md"
COMPILED = "compiled.npz"
REASONS = "reasons.npz"
SKOPS, ARRAYS = ".skops", ".npz"

NO_LOSSES: Mapping[str, tuple[bytes, bytes | None]] = MappingProxyType({})


@dataclass(frozen=True)
class Bundle:
    """A verified bundle. Each file is read and parsed only when it is needed."""

    digest: str
    manifest: Manifest
    files: Files
    allow_types: tuple[str, ...]
    named: bool = True
    """Whether somebody named the digest beforehand, as a promotion does."""

    @cached_property
    def model(self) -> Model:
        """The scikit-learn model.

        Raises
        ------
        BundleUntrusted
            It holds types that are not allowed.
        BundleChanged
            It is not a skops file, or its content is not a model.
        """
        return self._loads(MODEL, self.manifest.task, self.code)

    @property
    def code(self) -> source_code.Files:
        """The project's own code that the model needs, if it was loaded with the bundle."""
        return {
            name.removeprefix(CODE): self.files[name].decode()
            for name in self.files
            if name.startswith(CODE)
        }

    @cached_property
    def scorer(self) -> Scorer:
        """The compiled model if the bundle holds one, else the scikit-learn model.

        Raises
        ------
        BundleChanged
            The compiled model is damaged.
        """
        if COMPILED not in self.files:
            return self.model
        return CompiledModel.from_bytes(self.scoring_files[COMPILED], COMPILED)

    @cached_property
    def scoring_files(self) -> Files:
        """The files that scoring needs, which are sent to executors; read once."""
        model = COMPILED if COMPILED in self.files else MODEL
        losses = [_loss_file(name, self.files) for name in self.manifest.loss_noise]
        needed = [MANIFEST, model, REFERENCE, *losses]
        if model == MODEL:
            needed += [name for name in self.files if name.startswith(CODE)]
        return {name: self.files[name] for name in needed}

    @cached_property
    def losses(self) -> Mapping[str, Scorer]:
        """Models of a regression's expected errors, by name; empty for other tasks.

        Raises
        ------
        BundleUntrusted, BundleChanged
            As for `model` and `scorer`.
        """
        return {name: self._loss(_loss_file(name, self.files)) for name in self.manifest.loss_noise}

    def _loss(self, file: str) -> Scorer:
        if file.endswith(ARRAYS):
            return CompiledModel.from_bytes(self.scoring_files[file], file)
        return self._loads(file, "regression", source_code.NONE)

    def _loads(self, file: str, task: Task, code: source_code.Files) -> Model:
        return (models.loads if self.named else load_trial.loads)(
            self.files[file],
            task=task,
            numeric=self.manifest.numeric,
            categorical=self.manifest.categorical,
            allow_types=self.allow_types,
            code=code,
        )

    @cached_property
    def reference(self) -> Reference:
        with parse_errors(REFERENCE):
            return Reference.from_json(self.files[REFERENCE].decode(), REFERENCE)

    def sample(self) -> pd.DataFrame:
        """Features, label and out-of-fold scores of a sample of training rows.

        Scores have the column names that `assay.model.prediction.profiled_scores` gives them.

        Raises
        ------
        BundleChanged
            The file is not Parquet, or lacks a column.
        """
        import pyarrow.parquet as pq

        with parse_errors(SAMPLE):
            frame: pd.DataFrame = pq.read_table(io.BytesIO(self.files[SAMPLE])).to_pandas()
            wanted = {*self.manifest.features, self.manifest.label}
            lacking = sorted(wanted - set(frame.columns))
            if lacking:
                raise ValueError(f"it lacks the columns {', '.join(lacking)}")
        return frame


def _loss_file(name: str, files: Files) -> str:
    return name + (ARRAYS if name + ARRAYS in files else SKOPS)


def write(
    folder: Path,
    manifest: Manifest,
    *,
    model: bytes,
    compiled: bytes | None,
    reasons: bytes | None,
    reference: Reference,
    sample: pd.DataFrame,
    card: str,
    losses: Mapping[str, tuple[bytes, bytes | None]] = NO_LOSSES,
) -> str:
    """Write a bundle, replacing the whole folder. Returns its digest.

    Parameters
    ----------
    compiled
        None if the model could not be compiled.
    reasons
        What an `assay.compiled.contributions.Explainer` is loaded from, if there is one.
    losses
        Models of the errors, each as a skops file and, if it could be compiled, as arrays.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(sample, preserve_index=False), table)
    files = {
        MODEL: model,
        REFERENCE: reference.to_json().encode(),
        SAMPLE: table.getvalue(),
        CARD: card.encode(),
    }
    if compiled is not None:
        files[COMPILED] = compiled
    if reasons is not None:
        files[REASONS] = reasons
    for name, (packed, arrays) in losses.items():
        files[name + SKOPS] = packed
        if arrays is not None:
            files[name + ARRAYS] = arrays
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    files[MANIFEST] = dataclasses.replace(manifest, files=sums).to_json()
    with partitions.replace_folder(folder) as made:
        for name, data in files.items():
            (made / name).write_bytes(data)
    return f"sha256:{hashlib.sha256(files[MANIFEST]).hexdigest()}"


def load(
    folder: Path,
    *,
    expected: str | None,
    allow_types: Sequence[str],
    code: source_code.Reader | None = None,
) -> Bundle:
    """Load a bundle from its folder; see :func:`from_files`."""
    return from_files(
        read(folder), str(folder), expected=expected, allow_types=allow_types, code=code
    )


def from_files(
    files: Files,
    where: str,
    *,
    expected: str | None,
    allow_types: Sequence[str],
    code: source_code.Reader | None = None,
    whole: bool = True,
) -> Bundle:
    """Verify the files of a bundle, then parse its manifest.

    Parameters
    ----------
    expected
        The digest that the bundle must have; None accepts any intact bundle.
    allow_types
        Types that the project's params.yaml allows in a model.
    code
        Reads the project's own code, which is compared with the digests in the manifest.
        Without it a model that needs such code cannot be loaded.
    whole
        False if ``files`` holds only those of `Bundle.scoring_files`.

    Raises
    ------
    BundleChanged
        It has another digest than expected.
    """
    digest = verify(files, where, whole)
    if expected is not None and digest != expected:
        raise BundleChanged(
            "this is another bundle", where=where, expected=expected[:19], found=digest[:19]
        )
    manifest = parse_manifest(files[MANIFEST], where)
    if code is not None:
        own = source_code.read_verified(code, manifest.code, where)
        texts = {CODE + path: text.encode() for path, text in own.items()}
        # Not a dictionary of both: that would read every file.
        files = ChainMap(texts, cast("MutableMapping[str, bytes]", files))
    return Bundle(digest, manifest, files, tuple(allow_types), expected is not None)
