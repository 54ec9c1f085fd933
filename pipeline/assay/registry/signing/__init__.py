"""Signed models and versions: OpenSSF Model Signing 1.0, and who is trusted to sign."""
