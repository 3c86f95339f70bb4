"""What the caller hears next: pure decisions, and the words as reviewable data."""
