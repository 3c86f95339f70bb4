"""The rows of reports. Append-only: what was reported stays as it was said, and a later report completes it."""

from datetime import date, datetime

from sqlalchemy import SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from booking_core.models import Base, big_id


class Report(Base):
    """One day's report as it was made. `content` is its canonical JSON to the byte, and `digest` names those bytes."""

    __tablename__ = "report"
    __table_args__ = (UniqueConstraint("day"),)

    id: Mapped[int] = big_id()
    day: Mapped[date]  # in Tokyo
    cut_off: Mapped[datetime]  # business time; the figures of the day are those up to then
    made_at: Mapped[datetime]  # real time
    form: Mapped[int] = mapped_column(SmallInteger)  # which shape the content has
    content: Mapped[str]
    digest: Mapped[str]
