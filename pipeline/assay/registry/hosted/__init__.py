"""What lies elsewhere: results in the DVC remote, tags and pull requests on the code host."""
