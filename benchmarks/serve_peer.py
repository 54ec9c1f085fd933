"""What `assay serve` is compared with, in an environment of its own: FastAPI, and mlflow's server.

Each has the fitted pipeline of the bundle, as scikit-learn made it, and none of Assay's checks.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import pandas as pd

TYPES = {"depot": "object", "weight": "float64", "distance": "float64", "express": "float64"}


def frame_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows)[list(TYPES)].astype(TYPES)


def serve_fastapi(model: str, port: str) -> None:
    """As most people write it: a model of a request, a table of one row, predict_proba."""
    import fastapi
    import uvicorn
    from pydantic import create_model

    fields: dict[str, Any] = {
        "depot": (str, ...),
        "weight": (float, ...),
        "distance": (float | None, ...),
        "express": (bool, ...),
    }
    row_type = create_model("Row", **fields)
    estimator, app = pickle.loads(Path(model).read_bytes()), fastapi.FastAPI()

    def score(row: Any) -> dict[str, float]:
        table = frame_of([row.model_dump()])
        return {"probability": float(estimator.predict_proba(table)[0, 1])}

    score.__annotations__["row"] = row_type
    app.post("/score")(score)
    uvicorn.run(app, port=int(port), log_level="error", access_log=False)


def save_mlflow(model: str, folder: str) -> None:
    """The model as mlflow's scoring server takes it; it answers with probabilities."""
    import mlflow.sklearn

    estimator = pickle.loads(Path(model).read_bytes())
    given = {"pyfunc_predict_fn": "predict_proba", "serialization_format": "cloudpickle"}
    mlflow.sklearn.save_model(estimator, folder, **given)


if __name__ == "__main__":
    {"fastapi": serve_fastapi, "mlflow": save_mlflow}[sys.argv[1]](*sys.argv[2:])
