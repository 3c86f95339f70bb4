"""What the doors' screens share: the look, the formats of dates and numbers, the booking screens."""
