"""What a project shares through remotes: tags through git, data and bundles through DVC."""
