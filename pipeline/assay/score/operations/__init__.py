"""Operations on scored nights: release, retract, replay, export, clean up."""
