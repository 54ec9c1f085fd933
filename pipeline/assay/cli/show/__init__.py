"""Formatters: results of commands as lines and tables for people."""
