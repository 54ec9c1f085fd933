"""Projects under git and DVC, ready to be promoted."""

from tests.builders.git_project import environment, fresh, project, template

__all__ = ["environment", "fresh", "project", "template"]
