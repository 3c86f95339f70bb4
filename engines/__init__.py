"""Private PostgreSQL and Redis, the process supervisor and the clock file.

Standard library only, so that a test may run these files with any Python. Imported by `cli.py` and tests only.
"""
