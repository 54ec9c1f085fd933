"""What becomes of a night that was scored: released, replayed, exported, cleaned up."""
