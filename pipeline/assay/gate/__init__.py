"""The promotion gate: judges a bundle and writes one verdict, bound to digests of its inputs."""
