"""Who does something to the book, for whom, and through which door."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    CITIZEN = "citizen"  # for herself, with the number and password of her letter
    OPERATOR = "operator"  # for a caller
    KEYPAD = "keypad"  # a caller who keys number and password herself
    CLERK = "clerk"  # the city's staff
    IMPORTER = "importer"
    JOB = "job"


class Channel(StrEnum):
    """The door a booking came through: the columns of the service matrix and of every report."""

    WEB = "web"
    PHONE = "phone"
    KEYPAD = "keypad"
    COUNTER = "counter"
    SYSTEM = "system"


class IdentifiedBy(StrEnum):
    """How the citizen was recognised; stored with every change (F-35)."""

    NUMBER_AND_PASSWORD = "number_and_password"  # noqa: S105 - the name of a method, no secret
    CITY_QUESTIONS = "city_questions"
    NOT_NEEDED = "not_needed"


def card_key(card_id: int) -> str:
    """Return how an identified citizen is written where staff act for her."""
    return f"card:{card_id}"


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of a change, as the rules judge it and the audit row records it.

    Attributes:
        kind: what the author may do hangs on this alone.
        id: staff account id for operators and clerks, card id for citizens, None for jobs.
        channel: the door.
        on_behalf_of: the citizen for whom staff act, as `card:17` or `caller`; None when acting for oneself.
        identified_by: how that citizen was recognised.
        source: the network address the request came from, None inside the house.
        call_id: the telephone call in which it was done, None where there is none.
    """

    kind: ActorKind
    id: int | None
    channel: Channel
    on_behalf_of: str | None = None
    identified_by: IdentifiedBy = IdentifiedBy.NOT_NEEDED
    source: str | None = None
    call_id: int | None = None

    @property
    def on_her_own(self) -> bool:
        """Tell whether the citizen herself acts, known by her card's number and password: `id` is that card."""
        return self.kind in {ActorKind.CITIZEN, ActorKind.KEYPAD}

    def speaks_for(self, card_id: int) -> bool:
        """Tell whether this actor may touch a booking of this card.

        A citizen may touch her own; an operator, that of the caller she has identified (F-35); the city's clerks, the
        importer and the jobs need no caller.
        """
        if self.on_her_own:
            return card_id == self.id
        if self.kind is ActorKind.OPERATOR:
            return self.on_behalf_of == card_key(card_id) and self.identified_by is not IdentifiedBy.NOT_NEEDED
        return True

    @classmethod
    def citizen(cls, card_id: int, *, source: str | None = None) -> "Actor":
        return cls(
            ActorKind.CITIZEN, card_id, Channel.WEB, identified_by=IdentifiedBy.NUMBER_AND_PASSWORD, source=source
        )

    @classmethod
    def operator(
        cls,
        account_id: int,
        *,
        on_behalf_of: str | None = "caller",
        identified_by: IdentifiedBy = IdentifiedBy.NOT_NEEDED,
        source: str | None = None,
        call_id: int | None = None,
    ) -> "Actor":
        return cls(ActorKind.OPERATOR, account_id, Channel.PHONE, on_behalf_of, identified_by, source, call_id)

    @classmethod
    def clerk(cls, account_id: int, *, on_behalf_of: str | None = None, source: str | None = None) -> "Actor":
        return cls(ActorKind.CLERK, account_id, Channel.COUNTER, on_behalf_of, source=source)

    @classmethod
    def job(cls) -> "Actor":
        return cls(ActorKind.JOB, None, Channel.SYSTEM)
