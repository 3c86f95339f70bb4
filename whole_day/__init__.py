"""A whole working day played on a stepped clock: the stage it needs, what makes it go on, and what is looked at after.

Knows every room, as the demo does; no room knows it.
"""
