"""The people of a working day: callers, operators, a supervisor, citizens on the web, and what they remember of it.

They know nothing but the front doors: forms over HTTP, and the telephone network. What they do is drawn from a seed.
"""
