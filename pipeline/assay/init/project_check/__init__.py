"""Everything that is wrong with a project's files, before the first `dvc repro`."""
