"""Models of `tests.compiled.fitted` as they are exported, under a contract of many checks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from assay.columns.features import FrameFeatures
from assay.compiled import CompiledModel
from assay.compiled.compile import compile_model
from assay.compiled.edge_cases import FeaturesInMemory, load_features
from assay.contract.loader import load_contract_text
from assay.edge.c_check import FLAGS, Run
from assay.edge.c_source import Export, write_c, write_check
from assay.edge.rules import device_rules
from assay.model.manifest import Manifest
from tests.compiled.fitted import CASES, SMALL, Case, fit, table

COMPILER = [sys.executable, "-m", "ziglang", "cc"]
WASM = "wasm32-freestanding"
ARM = {"qemu-aarch64": "aarch64-freestanding-none", "qemu-arm": "arm-freestanding-eabihf"}
"""Emulators of Arm's machines of 64 and of 32 bits, and what the compiler calls them."""

CONTRACT = """
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

FEATURE = {"role": "feature"}

class Rows(pa.DataFrameModel):
    at: Series[pd.Timestamp] = pa.Field(metadata={"role": ["key", "time"]})
    age: Series[float] = pa.Field(ge=-40, lt=60.5, nullable=True, metadata=FEATURE)
    load: Series[float] = pa.Field(
        nullable=True, metadata=FEATURE,
        in_range={"min_value": 0, "max_value": 1e3, "include_max": False}, ne=7,
    )
    floor: Series[int] = pa.Field(isin=[0, 1, 2, 3, 4], notin=[9], metadata=FEATURE)
    line: Series[str] = pa.Field(
        str_startswith="L", str_length={"min_value": 2, "max_value": 4}, ne="L8",
        str_matches="^L[0-9]+$", metadata=FEATURE,
    )
    shift: Series[str] = pa.Field(
        isin=["am", "pm", "night"], str_endswith="m", nullable=True, metadata=FEATURE
    )
    truth: Series[bool] = pa.Field(metadata={"role": "label"})

    @pa.dataframe_check
    def older_than_floor(cls, rows: pd.DataFrame) -> Series[bool]:
        return rows["age"] > rows["floor"]
"""

# One of each library, layout, link and calibration.
CHOSEN = (
    *SMALL.values(),
    *(
        case
        for case in CASES
        if str(case)
        in (
            "HistGradientBoostingClassifier(max_iter=8)-multiclass-isotonic",
            "HistGradientBoostingClassifier(max_iter=8)-binary-no-categories",
            "HistGradientBoostingClassifier(max_iter=8)-binary-no-numbers",
            "HistGradientBoostingRegressor(max_iter=8,loss=gamma)-regression",
            "RandomForestClassifier(n_estimators=7)-multiclass",
            "RandomForestClassifier(n_estimators=5,max_depth=5)-binary-sigmoid",
            "GradientBoostingClassifier(n_estimators=9,loss=exponential)-binary",
            "LogisticRegression-multiclass",
            "LogisticRegression(fit_intercept=False)-multiclass-other",
            "CatBoostClassifier(iterations=9)-binary-ordinal",
            "LGBMClassifier(n_estimators=9,verbose=-1)-multiclass",
            "LGBMClassifier(n_estimators=9,verbose=-1,min_child_samples=1000)-binary",
            "XGBClassifier(n_estimators=9)-multiclass",
            "XGBClassifier(n_estimators=9)-multiclass-other",
            "XGBRegressor(n_estimators=9,objective=count:poisson)-regression",
        )
    ),
)


@dataclass(frozen=True)
class SomeManifest:
    """What an export asks of a manifest."""

    name: str
    task: str
    classes: tuple[str, ...]
    label: str
    features: tuple[str, ...] = ("age", "load", "floor", "line", "shift")
    threshold: float = 0.5
    contract_digest: str = "sha256:c0"


@cache
def export(case: Case, name: str = "late-flights", contract: str = CONTRACT) -> Export:
    compiled = compile_model(fit(case), case.task, case.classes)
    read = load_contract_text(contract, "contract.py").without_label()
    model = CompiledModel.from_bytes(compiled.to_bytes(), "x")
    rules = device_rules(read, model.inputs.numeric, model.inputs.categorical)
    manifest: Any = SomeManifest(name, case.task, case.classes, case.column)
    return Export("v0.1.0", "sha256:b0", cast("Manifest", manifest), read, rules, model)


def sample(found: Export) -> FeaturesInMemory:
    inputs = found.model.inputs
    return load_features(FrameFeatures(table()), inputs.numeric, inputs.categorical)


def build_bare(found: Export, folder: Path, target: str) -> Path:
    """The program that checks an export, for another processor and without a libc (`bare.c`)."""
    files = {**write_c(found), "check.c": write_check(found), "bare.c": _bare("c")}
    files |= {f"{name}.h": _bare("h") for name in ("bare", "math", "stdio", "stdlib", "string")}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    flags = (*FLAGS, "-target", target, "-isystem", ".")
    sources = [name for name in files if name.endswith(".c")]
    subprocess.run([*COMPILER, *flags, *sources, "-o", "check"], cwd=folder, check=True)
    return folder / "check"


def _bare(kind: str) -> str:
    return Path(__file__).with_name(f"bare.{kind}").read_text(encoding="utf-8")


def as_webassembly(program: Path) -> Run:
    """Runs a program that was compiled to WebAssembly: 32-bit pointers, nothing of this machine."""
    import wasmtime

    engine = wasmtime.Engine()
    module = wasmtime.Module.from_file(engine, str(program))

    def run(given: bytes) -> bytes:
        rows, said = program.with_suffix(".in"), program.with_suffix(".out")
        rows.write_bytes(given)
        linker, store, wasi = wasmtime.Linker(engine), wasmtime.Store(engine), wasmtime.WasiConfig()
        linker.define_wasi()
        wasi.stdin_file, wasi.stdout_file = str(rows), str(said)
        store.set_wasi(wasi)
        start = linker.instantiate(store, module).exports(store)["_start"]
        try:
            cast("Callable[..., object]", start)(store)
        except wasmtime.ExitTrap as ended:
            assert ended.code == 0
        return said.read_bytes()

    return run
