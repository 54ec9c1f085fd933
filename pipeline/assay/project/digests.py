"""Digests of everything that a verdict depends on, each as ``sha256:<hex>``.

Promotion recomputes them, so they depend on content only: not on time, on the order of a
directory listing or on the location of the project.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel

from assay.errors import AssayError, StageInputMissing
from assay.project import installed_code, layout, source_code
from assay.project.params import Params, parse
from assay.project.source_code import digest_texts as digest_texts


def digest_file(path: Path) -> str:
    """Digest of one file's bytes.

    Raises
    ------
    StageInputMissing
        The file does not exist.
    """
    try:
        with path.open("rb") as stream:
            return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    except FileNotFoundError:
        raise StageInputMissing(
            "no such file", where=str(path), fix="Run the stage that writes it: dvc repro."
        ) from None


def digest_content(text: str) -> str:
    """Digest of one text, equal to that of a UTF-8 file with this content."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def contract(source: str, params: Params, code: source_code.Files) -> str:
    """Digest of the contract: its file, its section of params.yaml, and the modules it imports.

    Parameters
    ----------
    source
        Text of the contract file.
    code
        The project modules that the file imports (:func:`contract_imports`).
    """
    return digest_texts(source, _canonical(params.contract), *_pairs(code))


def worktree_contract(root: Path, params: Params) -> str:
    """Digest of the contract in the work tree."""
    path = root / params.contract.file
    digest_file(path)
    code = contract_imports(source_code.file_reader(root), params.contract.file)
    return contract(path.read_text(encoding="utf-8"), params, code)


def contract_imports(read: source_code.Reader, path: str) -> dict[str, str]:
    """The project modules that a contract file imports, without the file itself."""
    files = source_code.find_dependencies(read, (), [path])
    return {name: content for name, content in files.items() if name != path}


def contract_files(read: source_code.Reader, version: str) -> dict[str, str]:
    """params.yaml, the contract file and the project's modules that it imports: path -> text.

    What is missing, or cannot be found because params.yaml is invalid, is left out; then
    `assay.contract.loader.load_kept_contract` says why.

    Parameters
    ----------
    read
        Reads the files of the project as of the version's commit.
    """
    given = read(layout.PARAMS)
    if given is None:
        return {}
    files = {layout.PARAMS: given}
    try:
        file = parse(given, f"{layout.PARAMS} at {version}").contract.file
    except AssayError:
        return files
    source = read(file)
    if source is not None:
        files |= {file: source, **contract_imports(read, file)}
    return files


def project_imports(
    read: source_code.Reader, params: Params, tests: Collection[str]
) -> dict[str, str]:
    """The project's own files that decide: contract, models, metrics, rules, source, model tests.

    With all that they import, and without the files of the tests, which are of the policy.

    Parameters
    ----------
    tests
        As of `model_tests`.
    """
    files = source_code.find_dependencies(read, _deciding(params), [params.contract.file, *tests])
    return {path: text for path, text in files.items() if path not in tests}


def installed_packages(root: Path, params: Params) -> dict[str, str]:
    """What is installed of the packages that params.yaml or the project's own code names.

    Returns
    -------
    As of `assay.project.installed_code.installed_digests`.
    """
    modules = [
        *_deciding(params),
        *(each.measure for each in params.monitor.measures if "." in each.measure),
        *([params.score.input.format] if "." in params.score.input.format else []),
    ]
    files = [params.contract.file, *model_tests(root, params.gate.tests)]
    own = source_code.find_dependencies(source_code.file_reader(root), modules, files)
    return installed_code.installed_digests(source_code.third_party_modules(own, modules))


def _deciding(params: Params) -> list[str]:
    """The names in params.yaml of what decides: source, models, metrics, rules."""
    return [
        params.ingest.source,
        *(name for candidate in params.train.candidates.values() for name in candidate.names),
        *params.bundle.allow_types,
        *params.evaluate.metrics,
        *params.gate.functions,
    ]


def scoring(params: Params) -> str:
    """Digest of what params.yaml says of a night's rows and of when they may be published."""
    asked = params.model_dump(
        mode="json",
        include={"score": {"input", "reasons"}, "quarantine": True, "publish": True},
        exclude={"publish": {"keep_days"}},
    )
    return digest_content(json.dumps(asked, sort_keys=True))


def model_tests(root: Path, tests: str) -> tuple[str, ...]:
    """The Python files in the folder of model tests, relative to ``root``, sorted."""
    paths = (path for path in _sources(root / tests) if path.suffix == ".py")
    return tuple(path.relative_to(root).as_posix() for path in paths)


def policy(root: Path, params: Params) -> str:
    """Digest of the policy: ``gate``, ``evaluate``, ``leakage`` of params.yaml and all tests.

    And of ``card``, where a rule asks for it.
    """
    asked = any(rule.kind == "card" for rule in params.gate.rules)
    return digest_texts(
        _canonical(params.gate),
        _canonical(params.evaluate),
        _canonical(params.leakage),
        *([_canonical(params.card)] if asked else []),
        *_contents(root / params.gate.tests),
    )


def code(root: Path, params: Params) -> str:
    """Digest of the installed code that judges a bundle, and of the project's own code.

    With the files of installed packages that params.yaml or that code names.
    """
    tests = model_tests(root, params.gate.tests)
    own = project_imports(source_code.file_reader(root), params, tests)
    own.pop(params.contract.file, None)  # it has its own digest
    packages = installed_packages(root, params)
    return digest_texts(verdict_digest(), *_pairs(own), *_pairs(packages))


def data(root: Path) -> str:
    """Digest of the holdout table."""
    return digest_file(root / layout.HOLDOUT_TABLE)


def _sources(folder: Path) -> list[Path]:
    files: Iterable[Path] = folder.rglob("*") if folder.is_dir() else ()
    return sorted(
        path
        for path in files
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    )


def _contents(folder: Path) -> list[str]:
    """Name and digest of every file in a folder, sorted by name."""
    return [
        part
        for path in _sources(folder)
        for part in (path.relative_to(folder).as_posix(), digest_file(path))
    ]


def _pairs(code: source_code.Files) -> list[str]:
    return [part for path, content in sorted(code.items()) for part in (path, content)]


def _canonical(section: BaseModel) -> str:
    return json.dumps(section.model_dump(mode="json"), sort_keys=True)


# ------------------------------ assay's own code: the files that each stage runs, and their digests
# The files are found by following imports, so a module that affects a decision cannot be missed.
# A verdict stores the digest of the code that produced it. A project that installs Assay as a
# package has a stage ``assay stage code``, which writes one digest per stage. After an upgrade, DVC
# reruns the stages whose code changed.

STAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ingest": ("assay.training.tables.ingest",),
        "contract": ("assay.contract.stage",),
        "prepare": ("assay.training.tables.prepare",),
        "leakage": ("assay.training.leakage.stage",),
        "train": ("assay.training.train.stage",),
        "select": ("assay.training.train.select",),
        "evaluate": ("assay.evaluation.evaluate",),
        "champion": ("assay.registry.champion",),
        "compare": ("assay.evaluation.compare",),
        "nights": ("assay.evaluation.nights",),
        # The second module measures cost. It is run by name in a separate process.
        "rehearse": ("assay.evaluation.rehearse", "assay.evaluation.cost"),
        # Pytest loads the second module by name.
        "gate": ("assay.gate.stage", "assay.gate.pytest_run.plugin"),
    }
)
"""Stage -> its entry modules, the main one first."""

JUDGES = ("contract", "leakage", "evaluate", "compare", "nights", "rehearse", "gate")
"""Stages that measure or judge a bundle."""

LOOKS = "assay/pages/"
"""Page layout. It cannot change a verdict."""

TEMPLATES = "assay/pages/templates"
"""Page templates. A module or template refers to a template by its file name in double quotes."""

PACKAGE = Path(__file__).resolve().parents[1]


def stage_files(
    package: Path, stages: Iterable[str], read: source_code.Reader | None = None
) -> dict[str, str]:
    """The source files of ``assay`` that these stages run, and the templates that they render.

    Parameters
    ----------
    package
        The package folder ``assay``.
    read
        Gives the text of a file below its parent; by default the file's.

    Returns
    -------
    Path relative to the parent of ``package`` -> text.
    """
    modules = [name for stage in stages for name in STAGES[stage]]
    read = read or source_code.file_reader(package.parent)
    files = source_code.find_assay_dependencies(read, modules)
    return {**files, **_templates(package.parent / TEMPLATES, files.values())}


def _templates(folder: Path, texts: Iterable[str]) -> dict[str, str]:
    """The templates that ``texts`` refer to, directly or through other templates."""
    left = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.*"))}
    names, templates, todo = tuple(left), {}, list(texts)
    while todo:
        for name in _quoted(todo.pop(), names):
            if name in left:
                templates[f"{TEMPLATES}/{name}"] = left[name]
                todo.append(left.pop(name))
    return templates


@lru_cache(maxsize=1024)
def _quoted(text: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the names that a text has in double quotes; stages share most texts."""
    return tuple(name for name in names if f'"{name}"' in text)


def verdict_files(package: Path) -> dict[str, str]:
    """The source files that a verdict depends on: they measure or judge a bundle."""
    files = stage_files(package, JUDGES)
    return {path: text for path, text in files.items() if not path.startswith(LOOKS)}


@cache
def verdict_digest() -> str:
    """Digest of the installed `verdict_files`."""
    return digest_files(verdict_files(PACKAGE))


def package_digest() -> str:
    """Digest of all installed files of Assay."""
    return digest_texts(*_contents(PACKAGE))


def stage_digests() -> dict[str, str]:
    """Digest of the installed code of each stage."""
    # Stages share most files, and ask for many more that are not there: names of a module.
    read = cache(source_code.file_reader(PACKAGE.parent))
    return {stage: digest_files(stage_files(PACKAGE, [stage], read)) for stage in STAGES}


def with_packages(by_stage: Mapping[str, str], root: Path, params: Params) -> dict[str, str]:
    """`stage_digests` with the `installed_packages`, if there are any."""
    packages = _pairs(installed_packages(root, params))
    if not packages:
        return dict(by_stage)
    return {stage: digest_texts(digest, *packages) for stage, digest in by_stage.items()}


def digest_files(texts: source_code.Files) -> str:
    """Digest of file names and texts, as ``sha256:<hex>``."""
    return source_code.digest_texts(*(part for pair in sorted(texts.items()) for part in pair))
