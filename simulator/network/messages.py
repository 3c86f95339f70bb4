"""Text messages: recorded, never sent anywhere."""

from dataclasses import dataclass, field
from datetime import datetime

from simulator.network.sids import MESSAGE, new_sid


@dataclass(eq=False)
class Message:
    """One message and what became of it."""

    to: str
    from_: str
    body: str
    created_at: datetime
    status: str = "queued"
    service_sid: str | None = None
    callback_url: str = ""
    error_code: int | None = None
    sid: str = field(default_factory=lambda: new_sid(MESSAGE))
