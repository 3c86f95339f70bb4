"""What a report says, kept as rows that nobody rewrites, the files it is sent as, and the archive staff read it in.

Jobs make reports and pages show them, so it lies below both. A file is rendered from the kept row alone: the same row
gives the same bytes, whenever and wherever it is asked for.
"""
