"""People in a demo that runs in real time: a few callers a minute and three operators, whom a visitor may join."""
