"""The data contract: rules that rows and tables must satisfy, for Arrow tables and text."""
