"""The one exception of this room: the outside world said no, in one line that says what to do."""


class EngineError(Exception):
    """A server could not be found, started or stopped; the message is one line for the person at the terminal."""
