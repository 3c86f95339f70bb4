"""Read-only: one file for each published number, its definition in the docstring."""
