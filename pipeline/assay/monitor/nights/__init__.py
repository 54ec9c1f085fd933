"""The facts about each night, as plain values."""
