"""Keys that a caller presses while something listens. Keys pressed while nothing does are lost, as in the network."""

from collections import deque

from simulator.network.waiting import Promise


class Keypad:
    """The keys of one listening verb, in order."""

    def __init__(self) -> None:
        self._keys: deque[str] = deque()
        self.first: Promise[None] = Promise()
        """There as soon as any key was pressed: it cuts the prompt short."""
        self._next: Promise[None] = Promise()

    def press(self, key: str) -> None:
        self._keys.append(key)
        self.first.resolve(None)
        self._next.resolve(None)

    def pressed(self) -> Promise[None]:
        """Return a promise of a key that has not been taken yet."""
        self._next = Promise()
        if self._keys:
            self._next.resolve(None)
        return self._next

    def take(self) -> str:
        return self._keys.popleft()

    @property
    def empty(self) -> bool:
        return not self._keys
