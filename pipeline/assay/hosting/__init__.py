"""What GitHub and GitLab see: comments, proposals, promotions after a merge, issues."""
