"""The files of schedulers that run ``assay nightly``, written from params.yaml."""
