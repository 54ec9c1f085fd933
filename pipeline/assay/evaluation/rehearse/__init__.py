"""The stage ``rehearse``: run the bundle on the nightly scoring path, check parity and cost."""
