"""The ledger: what happened on the line, kept so that every published number can be computed, and checked, from it."""
