"""What one publication may consist of, and what it replaces."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pipeline.errors import StoreError
from pipeline.store import log
from pipeline.store.files import StagedFile, filesystem, run_of


def check_files(
    uri: str, column: str, partition: str, run_id: str, files: Sequence[StagedFile]
) -> None:
    """Make sure that the files are one run's, of one partition, and there as described.

    Raises
    ------
    StoreError
        Naming the first that is not.
    """
    strange = [f.path for f in files if f.partition != partition or run_of(f.path) != run_id]
    if strange or len({file.path for file in files}) != len(files):
        raise StoreError(
            "the files to publish are not those of one run and partition",
            where=uri,
            expected=f"{column}={partition}, run {run_id}, each file once",
            found=", ".join(strange[:3]) or "a file more than once",
        )
    with log.told(uri, "the files to publish cannot be looked at"):
        system, base = filesystem(uri)
        infos = system.get_file_info([f"{base}/{file.path}" for file in files])
    lost = [f.path for f, info in zip(files, infos, strict=True) if info.size != f.size]
    if lost:
        raise StoreError(
            f"{len(lost)} of {len(files)} files are not there as they were written",
            where=uri,
            found=lost[0],
            mend="Run again; nothing became visible.",
        )


def replacement(partition: str, files: Sequence[StagedFile], keep: Collection[str]) -> log.Plan:
    """Put ``files`` in the place of all that is active in ``partition``, except runs ``keep``."""
    paths = {file.path for file in files}

    def plan(active: Sequence[StagedFile]) -> log.Change:
        here = [file for file in active if file.partition == partition]
        return log.Change(
            add=[file for file in files if file not in here],
            remove=[f for f in here if f.path not in paths and run_of(f.path) not in keep],
        )

    return plan
