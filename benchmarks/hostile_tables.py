"""Thirty tables that go wrong in their own ways, for ``python -m benchmarks.own_tables``.

What they hold is made up from a seed. Most could be scored once they are read rightly; the others
have to be refused in words that are true.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 1_200
START, YEAR = datetime(2024, 1, 1, tzinfo=UTC), timedelta(days=350)


def orders(rows: int = ROWS) -> pd.DataFrame:
    """A year of orders: a key, a time, two numbers, a category, and which came back."""
    rng = np.random.default_rng(7)
    amount, items = rng.gamma(2.0, 40.0, rows).round(2), rng.integers(1, 9, rows)
    shop = rng.choice(["north", "south", "web"], rows)
    odds = -4 + amount / 20 + 2 * (shop == "web") - items / 3
    return pd.DataFrame(
        {
            "order": np.arange(10_000, 10_000 + rows),
            "sold": [
                (START + each * YEAR / max(rows, ROWS)).strftime("%Y-%m-%d %H:%M")
                for each in range(rows)
            ],
            "amount": amount,
            "items": items,
            "shop": shop,
            "returned": np.where(rng.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no"),
        }
    )


def text(frame: pd.DataFrame, **how: object) -> str:
    return str(frame.to_csv(index=False, **how))  # type: ignore[call-overload]


def one_row() -> str:
    return text(orders(1))


def one_column() -> str:
    return text(orders()[["returned"]])


def header_only() -> str:
    return text(orders(0))


def empty_file() -> str:
    return ""


def null_column() -> str:
    return text(orders().assign(note=None))


def null_label() -> str:
    return text(orders().assign(returned=None))


def duplicate_names() -> str:
    return text(orders().rename(columns={"items": "amount"}))


def many_columns() -> str:
    noise = np.random.default_rng(1).normal(size=(400, 2_000)).round(3)
    wide = pd.DataFrame(noise, columns=[f"sensor_{each}" for each in range(2_000)])
    return text(pd.concat([orders(400), wide], axis=1))


def odd_names() -> str:
    names = {"amount": 'the "amount", € 💶', "items": " items ", "shop": "l'été du shop"}
    return text(orders().rename(columns=names))


def mixed_types() -> str:
    frame = orders().astype({"items": object})
    frame.loc[frame.index % 9 == 4, "items"] = "several"
    return text(frame)


def thousands() -> str:
    frame = orders()
    return text(frame.assign(amount=[f"{each * 1000:,.2f}" for each in frame["amount"]]))


def three_date_formats() -> str:
    frame = orders()
    forms = ("%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M")
    times = pd.to_datetime(frame["sold"])
    mixed = [each.strftime(forms[place % 3]) for place, each in enumerate(times)]
    return text(frame.assign(sold=mixed))


def constant_label() -> str:
    return text(orders().assign(returned="no"))


def class_of_one_row() -> str:
    frame = orders().assign(returned="no")
    frame.loc[77, "returned"] = "yes"
    return text(frame)


def one_in_a_hundred() -> str:
    frame = orders(8_000)
    rare = frame["amount"].rank(ascending=False) <= 80
    return text(frame.assign(returned=np.where(rare, "yes", "no")))


def byte_order_mark() -> bytes:
    return codecs.BOM_UTF8 + text(orders()).encode()


def carriage_returns() -> str:
    return text(orders(), lineterminator="\r\n")


def ragged() -> str:
    lines = text(orders()).splitlines()
    lines[500] += ",one more"
    return "\n".join(lines) + "\n"


def late_decimal_commas() -> bytes:
    frame = orders(30_000)
    amounts = [
        str(round(each)) if place < 25_000 else f"{each:.2f}".replace(".", ",")
        for place, each in enumerate(frame["amount"])
    ]
    shop = frame["shop"].replace({"north": "Köln", "south": "Nürnberg"})
    return text(frame.assign(amount=amounts, shop=shop), sep=";").encode("cp1252")


def sorted_by_label() -> str:
    return text(orders().sort_values("returned").drop(columns="sold"))


def utf_16() -> bytes:
    return text(orders()).encode("utf-16")


def tabs_and_quotes() -> str:
    frame = orders().assign(note='a "quoted"\tword\nand a second line')
    return text(frame, sep="\t", quoting=csv.QUOTE_ALL)


def leading_zeros() -> str:
    frame = orders()
    return text(frame.assign(zip=[f"{each % 900:05}" for each in frame["order"]]))


def many_spellings_of_missing() -> str:
    frame = orders().astype({"amount": object})
    for place, word in enumerate(("NA", "n/a", "-", "", "null", "#N/A")):
        frame.loc[frame.index % 60 == place, "amount"] = word
    return text(frame)


def reserved_names() -> str:
    return text(orders().rename(columns={"amount": "probability", "order": "run_id"}))


def infinities() -> str:
    frame = orders()
    frame.loc[frame.index % 50 == 3, "amount"] = np.inf
    return text(frame)


def null_bytes() -> bytes:
    return text(orders()).replace("web", "we\0b").encode()


def json_with_gaps() -> str:
    lines = []
    for place, row in enumerate(orders().to_dict("records")):
        if place % 5 == 2:
            del row["items"]
        lines.append(json.dumps(row))
    return "\n".join(lines) + "\n"


def nested_json() -> str:
    rows = orders().to_dict("records")
    return "\n".join(json.dumps({**row, "where": {"lat": 1.5, "lon": 2}}) for row in rows) + "\n"


def parquet_with_lists() -> bytes:
    frame = orders()
    sink = io.BytesIO()
    frame.assign(
        tags=[["a", "b"]] * len(frame),
        sold=pd.to_datetime(frame["sold"]).dt.tz_localize("Europe/Paris"),
        shop=pd.Categorical(frame["shop"], ["web", "north", "south"], ordered=True),
        items=frame["items"].astype("Int16").where(frame.index % 4 > 0),
    ).to_parquet(sink, index=False)
    return sink.getvalue()


TABLES: Mapping[str, Callable[[], str | bytes]] = {
    each.__name__: each
    for each in (
        one_row,
        one_column,
        header_only,
        empty_file,
        null_column,
        null_label,
        duplicate_names,
        many_columns,
        odd_names,
        mixed_types,
        thousands,
        three_date_formats,
        constant_label,
        class_of_one_row,
        one_in_a_hundred,
        byte_order_mark,
        carriage_returns,
        ragged,
        late_decimal_commas,
        sorted_by_label,
        utf_16,
        tabs_and_quotes,
        leading_zeros,
        many_spellings_of_missing,
        reserved_names,
        infinities,
        null_bytes,
        json_with_gaps,
        nested_json,
        parquet_with_lists,
    )
}
TARGET = "returned"


def write(name: str, folder: Path) -> Path:
    """One of the tables as a file."""
    made = TABLES[name]()
    ending = "parquet" if "parquet" in name else "jsonl" if "json" in name else "csv"
    path = folder / f"{name}.{ending}"
    path.write_bytes(made.encode() if isinstance(made, str) else made)
    return path
