"""The code host: GitHub's or GitLab's REST API, for one comment and for issues."""
