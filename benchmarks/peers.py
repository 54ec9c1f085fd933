"""Assay's compiled trees beside others that predict by the same trees, in one thread, in turns.

``python -m benchmarks.peers`` fits boosted trees of the demonstration's size to its flights, by
scikit-learn and by LightGBM, with categories and with their codes as numbers, as some know none.
Peers are wheels (`benchmarks.peer_env.trees`): what is not there or refuses a model is said so.
"""

from __future__ import annotations

import argparse
import pickle
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain, product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import peer_env
from benchmarks.contender import ONE_THREAD, ROOT, Answer, Contender, serve
from benchmarks.measure import compare, in_turns

RESULTS, BUILD = ROOT / "reports" / "benchmarks" / "peers.md", ROOT / "build" / "peers"
TREES, RATE, TRAINED_UNTIL = 200, 0.05, "2013-05-31"
OURS, PIPELINE, LIBRARY = "Assay, compiled", "the library's pipeline", "the library"
SAME, SERVE = "the same to the bit", "--serve"
HEAD = "| who | rows/s | CPU ns a row and tree | to Assay's | scores |\n|--|--:|--:|--:|--|"

Scores = Callable[[], Any]


def lleaves(estimator: Any, rows: Any, folder: Path) -> Scores:
    import lleaves

    if not hasattr(estimator, "booster_"):
        raise TypeError("reads models of LightGBM alone")
    estimator.booster_.save_model(folder / "model.txt")
    model = lleaves.Model(model_file=str(folder / "model.txt"))
    model.compile()
    return partial(model.predict, rows, n_jobs=1)


def _treelite(estimator: Any) -> Any:
    import treelite

    if hasattr(estimator, "booster_"):
        return treelite.frontend.from_lightgbm(estimator.booster_)
    return treelite.sklearn.import_model(estimator)


def gtil(estimator: Any, rows: Any, folder: Path) -> Scores:
    import treelite

    return partial(treelite.gtil.predict, _treelite(estimator), rows, nthread=1)


def tl2cgen(estimator: Any, rows: Any, folder: Path) -> Scores:
    import tl2cgen

    library = folder / "model.so"
    tl2cgen.export_lib(_treelite(estimator), "gcc", library, {"parallel_comp": 8})
    predictor = tl2cgen.Predictor(library, nthread=1)
    return lambda: predictor.predict(tl2cgen.DMatrix(rows, dtype="float64"))


def onedal(estimator: Any, rows: Any, folder: Path) -> Scores:
    import daal4py

    daal4py.daalinit(1)
    known = hasattr(estimator, "booster_")
    model = daal4py.mb.convert_model(estimator if known else _treelite(estimator))
    return partial(model.predict_proba, rows)


def onnx(estimator: Any, rows: Any, folder: Path) -> Scores:
    import onnxmltools
    import onnxruntime
    import skl2onnx
    from onnxmltools.convert.common.data_types import FloatTensorType

    single = rows.astype(np.float32)
    if hasattr(estimator, "booster_"):
        kinds = [("X", FloatTensorType([None, rows.shape[1]]))]
        made = onnxmltools.convert_lightgbm(estimator, initial_types=kinds, zipmap=False)
    else:
        made = skl2onnx.to_onnx(estimator, single[:1], options={"zipmap": False})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(made.SerializeToString(), options)
    name, output = session.get_inputs()[0].name, session.get_outputs()[1].name
    return lambda: session.run([output], {name: single})[0]


PEERS: Mapping[str, tuple[Callable[[Any, Any, Path], Scores], str]] = {
    "lleaves": (lleaves, "lleaves"),
    "tl2cgen": (tl2cgen, "treelite tl2cgen"),
    "treelite (GTIL)": (gtil, "treelite"),
    "oneDAL (daal4py)": (onedal, "treelite scikit-learn-intelex"),
    "ONNX Runtime": (onnx, "onnxruntime skl2onnx onnxmltools"),
}

_ready: dict[str, Scores] = {}


def fit(kind: str, categories: bool, rows: int, place: str) -> Answer:
    """Fit one of `KINDS` as `assay stage train` does, and leave it and its rows for the others."""
    import lightgbm
    import pyarrow as pa
    from sklearn.ensemble import HistGradientBoostingClassifier

    from assay.compiled.compile import compile_model
    from assay.compiled.fitted_model import Model
    from assay.contract.columns import Columns
    from assay.contract.loader import load_contract
    from assay.training.candidates.nested import fit_clone
    from assay.training.candidates.pipeline import encoded_pipeline
    from data.source import flights

    boosting: Any = lightgbm.LGBMClassifier(n_estimators=TREES, verbose=-1, n_jobs=1)
    if kind != "LightGBM":
        boosting = HistGradientBoostingClassifier(max_iter=TREES, early_stopping=False)
    boosting.set_params(learning_rate=RATE)
    contract = load_contract(ROOT / "data" / "contract.py").without_label()
    numbers, texts, table = contract.numeric, contract.categorical, flights()
    known = table[(table["date"] <= TRAINED_UNTIL) & table["late"].notna()]
    later = table[table["date"] > TRAINED_UNTIL].head(rows)
    ordered = {} if categories else {name: sorted(table[name].unique()) for name in texts}
    made = encoded_pipeline(boosting, "ordinal", numbers, texts, seed=1, ordered=ordered)
    late, days = known["late"].to_numpy(dtype=int), known["date"].to_numpy(dtype=str)
    pipeline = fit_clone(made.pipeline, known[[*numbers, *texts]], late, days).pipeline
    compiled = compile_model(Model(pipeline, None, numbers, texts), "binary", ())
    frame, estimator = later[[*numbers, *texts]], pipeline[-1]
    encoded = np.ascontiguousarray(pipeline[0].transform(frame), dtype=np.float64)
    coded = later[list(contract.columns)].astype(dict.fromkeys(texts, "category"))
    batch = pa.RecordBatch.from_pandas(coded, preserve_index=False)  # as Parquet gives it
    _ready[OURS] = lambda: compiled.scores(Columns(contract, batch))
    _ready[PIPELINE] = partial(pipeline.predict_proba, frame)
    _ready[LIBRARY] = partial(estimator.predict_proba, encoded)
    (Path(place) / "model.pickle").write_bytes(pickle.dumps(estimator))
    np.save(Path(place) / "rows.npy", encoded)
    for who in (OURS, PIPELINE, LIBRARY):
        _keep(who, place)
    return {"rows": len(later)}


def prepare(who: str, place: str) -> Answer:
    """Have a peer make of the model what it predicts by."""
    make, packages = PEERS[who]
    estimator = pickle.loads((Path(place) / "model.pickle").read_bytes())
    rows, folder = np.load(Path(place) / "rows.npy"), Path(tempfile.mkdtemp(dir=place))
    try:
        _ready[who] = make(estimator, rows, folder)
        _keep(who, place)
    except ModuleNotFoundError as error:
        return {"refused": f"{error.name} is not there: pip install {packages}"}
    except Exception as error:
        text = re.sub(r"\[[\d:]+\] |/\S+/", "", str(error)).strip()  # without times and paths
        return {"refused": text.partition("\n")[0][:160].replace("|", "/") or repr(error)}
    return {"refused": ""}


def _keep(who: str, place: str) -> None:
    scores = np.asarray(_ready[who](), dtype=np.float64)
    np.save(f"{place}/{who}.npy", scores.reshape(len(scores), -1)[:, -1])


def predict(who: str) -> Answer:
    began, used = time.perf_counter(), time.process_time()
    _ready[who]()
    return {"cpu": time.process_time() - used, "wall": time.perf_counter() - began}


def measured(ours: Contender, peers: Contender, case: dict[str, Any], turns: int) -> list[str]:
    """The lines of a table, of all that predict by one model; ours is the first."""
    with tempfile.TemporaryDirectory() as place:
        rows = ours.ask("fit", **case, place=place)["rows"]
        who, refusals = dict.fromkeys((OURS, PIPELINE, LIBRARY), ours), []
        for name in PEERS:
            if refused := peers.ask("prepare", who=name, place=place)["refused"]:
                refusals.append(f"| {name} | | | | {refused} |")
            else:
                who[name] = peers
        used: dict[str, list[float]] = {name: [] for name in who}

        def run(name: str) -> float:
            answer = who[name].ask("predict", who=name)
            assert answer["cpu"] < 1.2 * answer["wall"], f"{name} took more than one thread"
            used[name].append(answer["cpu"] / rows / TREES * 1e9)
            return float(rows / answer["wall"])

        found = in_turns({name: partial(run, name) for name in who}, turns, case["kind"])
        scores = {name: np.load(f"{place}/{name}.npy") for name in who}
    apart = {name: float(np.abs(each - scores[LIBRARY]).max()) for name, each in scores.items()}
    return [*(line(name, found, used, apart[name]) for name in who), *refusals]


def line(name: str, rates: Any, used: Any, apart: float) -> str:
    """One of a table, of rows a second and nanoseconds of CPU by name and turn."""
    found = compare(used[name], used[OURS])  # not by rates: others may be at work
    ratio = "{:.1f} ({:.1f} to {:.1f})".format(found.ratio, *found.spread)
    same = f"up to {apart:.1g} apart" if apart else SAME
    return f"| {name} | {median(rates[name]):,.0f} | {found.ours:.1f} | {ratio} | {same} |"


def main() -> int:
    """0 if Assay's scores are the library's to the bit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="%(default)s")
    parser.add_argument("--turns", type=int, default=5, help="%(default)s")
    wanted = parser.parse_args()
    python, text, good = peer_env.trees(BUILD / "trees"), [], True
    ours, peers = (
        Contender("peers", [SERVE], BUILD / f"{name}.log", python=each, environment=ONE_THREAD)
        for name, each in (("ours", sys.executable), ("peers", python))
    )
    with ours, peers:
        for kind, categories in product(("HistGradientBoosting", "LightGBM"), (True, False)):
            case = {"kind": kind, "categories": categories, "rows": wanted.rows}
            lines = measured(ours, peers, case, wanted.turns)
            good &= SAME in lines[0]
            about = "categories" if categories else "codes as numbers"
            text += ["", f"## {kind}, {about}", "", HEAD, *lines]
    known = ", ".join(chain(peer_env.shared("lightgbm"), *peer_env.TREES)).replace("==", " ")
    page = [
        "# The same trees, predicted by others",
        "",
        f"Written by `python -m benchmarks.peers`: {TREES} trees of 31 leaves on the flights, "
        f"{wanted.rows:,} rows in memory, one thread, medians of {wanted.turns} turns with the "
        "lowest and highest ratio of CPU. Assay and the library's pipeline encode their rows; all "
        "others get an encoded matrix. Scores are beside the library's. oneDAL reads trees of "
        "scikit-learn through treelite; tl2cgen needs a C compiler.",
        *text,
        "",
        f"With {known}.",
    ]
    RESULTS.write_text("\n".join(page) + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    if sys.argv[1:] == [SERVE]:
        serve({"fit": fit, "prepare": prepare, "predict": predict})
    else:
        sys.exit(main())
