"""What the composition root hands to the jobs."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from booking_core.clock import Clock
from tasks.senders.contract import MailSender


@dataclass(frozen=True, slots=True)
class JobWiring:
    """One a process.

    Attributes:
        engine: with the application's rights.
        clock: business time, by which jobs are due.
        mail: sends what lies in the outbox.
        report_to: addresses reports go to, beside those the city has set.
    """

    engine: Engine
    clock: Clock
    mail: MailSender
    report_to: Sequence[str] = ()
