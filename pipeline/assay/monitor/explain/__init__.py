"""Why two nights' scores differ."""
