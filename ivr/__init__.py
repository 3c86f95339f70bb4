"""The telephone line: what a caller hears, her place in the queue, and the operators who take calls."""
