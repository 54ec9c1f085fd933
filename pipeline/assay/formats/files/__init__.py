"""Files as they lie there: bytes, encodings, CSV's rows and cells, JSON's objects, Parquet."""
