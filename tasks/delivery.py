"""The outbox is emptied: claim one message, send it, say how it went."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from booking_core import outbox
from booking_core.clock import real_now
from booking_core.db import in_transaction
from booking_core.outbox import ClaimedMessage
from booking_core.refusal import Refusal
from reports.archive import MAIL, get_report
from reports.files import FILE_KINDS
from tasks.senders.contract import Attachment, Mail, SendError
from tasks.wiring import JobWiring

MOST_AT_ONCE = 50
LEASE_SECONDS = 180.0
"""Longer than one mail can take; after that somebody else may send it."""

LONGEST_PAUSE_MINUTES = 60


def deliver_outbox(wiring: JobWiring) -> Mapping[str, int]:
    """Send what is due, one message after the other, each under a claim of its own."""
    sent = failed = 0
    for _ in range(MOST_AT_ONCE):
        claimed = _claim_one(wiring)
        if claimed is None:
            break
        if _send(wiring, claimed):
            sent += 1
        else:
            failed += 1
    return {"sent": sent, "failed": failed}


def pause_after(attempt: int) -> timedelta:
    """Return how long to wait after a failed attempt, counted from 1: 1, 2, 4 … 60 minutes."""
    return timedelta(minutes=min(2 ** (attempt - 1), LONGEST_PAUSE_MINUTES))


def _claim_one(wiring: JobWiring) -> ClaimedMessage | None:
    claimed = in_transaction(
        wiring.engine,
        lambda db: outbox.claim_due(
            db,
            now=real_now(),
            business_now=wiring.clock.now(),
            limit=1,
            lease_seconds=LEASE_SECONDS,
            kind=MAIL,
        ),
    )
    return None if isinstance(claimed, Refusal) or not claimed else claimed[0]


def _send(wiring: JobWiring, claimed: ClaimedMessage) -> bool:
    try:
        wiring.mail.send(_written(wiring, claimed))
    except SendError as error:
        why = str(error)
        retry_at = None if error.permanent else real_now() + pause_after(claimed.attempt)
        in_transaction(
            wiring.engine,
            lambda db: outbox.mark_failed(
                db, claimed, why, retry_at=retry_at, now=real_now(), business_now=wiring.clock.now()
            ),
        )
        return False
    in_transaction(wiring.engine, lambda db: outbox.mark_sent(db, claimed, now=real_now()))
    return True


def _written(wiring: JobWiring, claimed: ClaimedMessage) -> Mail:
    """Return the mail with the files of the report it names, rendered from what was kept of it."""
    return Mail.from_outbox(claimed.id, claimed.content, _attachments(wiring, claimed.content))


def _attachments(wiring: JobWiring, content: Mapping[str, Any]) -> Sequence[Attachment]:
    if "report" not in content:
        return ()
    with wiring.engine.connect() as db:
        report = get_report(db, content["report"])
    kinds = [FILE_KINDS[name] for name in content["files"]]
    return tuple(Attachment(kind.name(report.day), kind.media_type, kind.render(report.content)) for kind in kinds)
