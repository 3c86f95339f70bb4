"""Operators' telephones at a network that runs in this process."""

from dataclasses import dataclass

from simulator.day.town import Tell
from simulator.network.clients import Event, Registration
from simulator.network.orders import reject, unregister
from simulator.network.server import Network


@dataclass
class TelephoneInside:
    """One softphone. What happens there is told a moment later, when nobody holds the network's lock."""

    network: Network
    registration: Registration

    @classmethod
    def register(cls, network: Network, identity: str, tell: Tell) -> "TelephoneInside":
        def passed_on(event: Event) -> None:
            network.exchange.timeline.call_later(0, lambda: tell(event.kind, event.data))

        return cls(network, network.register(identity, passed_on))

    def accept(self, leg: str) -> bool:
        exchange = self.network.exchange
        with exchange.entered():
            known = exchange.clients.legs.get(leg)
            return known is not None and exchange.clients.accept(known, self.registration)

    def reject(self, leg: str) -> bool:
        exchange = self.network.exchange
        with exchange.entered():
            known = exchange.clients.legs.get(leg)
            if known is None or self.registration not in known.ringing:
                return False
            reject(exchange, known, self.registration)
            return True

    def hang_up(self, leg: str) -> bool:
        exchange = self.network.exchange
        with exchange.entered():
            known = exchange.clients.legs.get(leg)
            return known is not None and known.taken_by is self.registration and exchange.end(known.call)

    def leave(self) -> None:
        with self.network.exchange.entered():
            unregister(self.network.exchange, self.registration)
