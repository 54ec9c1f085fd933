"""``assay doctor``: is this machine able to do its work, and what to type if not."""
