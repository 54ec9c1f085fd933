"""Operations on scored nights: release, retract, export, clean up."""
