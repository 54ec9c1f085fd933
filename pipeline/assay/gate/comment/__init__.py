"""The verdict as one comment on a pull request."""
