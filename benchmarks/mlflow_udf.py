"""A peer: `mlflow.pyfunc.spark_udf` over a Spark DataFrame, written as Parquet.

The result is one ``double``, the leftmost column of `predict_proba`: what users get who ask
for no more. The function is made once, before the time counts; Spark has the settings that
ours has, and nothing is done but scoring.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from benchmarks.contender import SPARK_CONF, Answer, serve


def main() -> None:
    import mlflow
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    master, batch_rows, scratch = sys.argv[1:]
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = (
        SparkSession.builder.master(master)
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", batch_rows)
        .config("spark.sql.warehouse.dir", f"{scratch}/warehouse")
    )
    for name, value in SPARK_CONF.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    functions: dict[str, tuple[Any, list[str]]] = {}

    def load(name: str, model: str, night: str) -> Answer:
        """Log the fitted pipeline as mlflow logs models, and make a function of it."""
        import pyarrow.parquet as pq

        with Path(model).open("rb") as source:
            fitted = pickle.load(source)
        features = list(fitted.feature_names_in_)
        first = next(iter(sorted(Path(night).glob("*.parquet"))))
        sample = pq.ParquetFile(first).read_row_group(0, columns=features).slice(0, 1000)
        frame = sample.to_pandas()
        folder = Path(scratch) / f"{name}-{time.time_ns()}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mlflow.sklearn.save_model(
                fitted,
                str(folder),
                serialization_format="pickle",
                signature=mlflow.models.infer_signature(frame, fitted.predict_proba(frame)),
                pyfunc_predict_fn="predict_proba",
                pip_requirements=[],
            )
        made = mlflow.pyfunc.spark_udf(
            spark, folder.as_uri(), result_type="double", env_manager="local"
        )
        functions[name] = made, features
        return {"mlflow": mlflow.__version__, "pyspark": spark.version}

    def run(name: str, keys: list[str], night: str, output: str) -> Answer:
        function, features = functions[name]
        started = time.perf_counter()
        rows = spark.read.parquet(night)
        scored = rows.select(*keys, function(f.struct(*features)).alias("probability"))
        scored.write.parquet(output)
        return {"seconds": time.perf_counter() - started}

    serve({"load": load, "run": run})
    spark.stop()


if __name__ == "__main__":
    main()
