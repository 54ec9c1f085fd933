"""What a version would change before it is promoted: plan real nights, look at them, apply them."""
