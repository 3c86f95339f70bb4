"""The rows of the book. Read the classes top down: places and services, the card, the booking, what is kept about it.

Models are for reading and for the schema; the writers in `booking.py` use statements, so that a counter is never
written from a value somebody read a moment ago.
"""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    Time,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
        date: Date,
        time: Time,
        dict[str, Any]: JSONB,
        list[int]: ARRAY(BigInteger),
        list[datetime]: ARRAY(DateTime(timezone=True)),
    }


BY_PREFIX = {"kana_key": "text_pattern_ops"}
"""Lets an index answer "begins with" in whatever language the database sorts."""


def big_id() -> Mapped[int]:
    return mapped_column(BigInteger, Identity(always=True), primary_key=True)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Return the CHECK that keeps `column` within its enumeration."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(str(v)) for v in values)})", name=f"{column}_known")


# --- Where, what and when --------------------------------------------------------------------------------------------


class VenueKind(StrEnum):
    COUNTER = "counter"
    STOREHOUSE = "storehouse"  # keeps and ships cards, takes no visitors (requirements §A)


class Venue(Base):
    """A place where citizens are received, or the storehouse from which cards travel there."""

    __tablename__ = "venue"
    __table_args__ = (one_of("kind", VenueKind),)

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    reading: Mapped[str]  # kana, for the telephone's voice
    address: Mapped[str]
    kind: Mapped[str] = mapped_column(default=VenueKind.COUNTER)
    opens_on_holidays: Mapped[bool] = mapped_column(default=False)  # F-16
    position: Mapped[int]


class ServiceCode(StrEnum):
    DELIVERY = "delivery"
    APPLICATION = "application"
    CERTIFICATE = "certificate"


class Service(Base):
    """What citizens come for (1-1): card delivery, card application, certificate renewal."""

    __tablename__ = "service"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    needs_card: Mapped[bool]  # the booking hangs on an imported card record and its number and password
    purposes: Mapped[dict[str, Any]]  # purpose code -> name; empty where there is nothing to choose
    position: Mapped[int]


class Pool(Base):
    """What places are counted in. Services of one venue may share a pool (F-21); by default each has its own."""

    __tablename__ = "pool"
    __table_args__ = (UniqueConstraint("venue_id", "code"),)

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"))
    code: Mapped[str]


class ServiceAtVenue(Base):
    """One cell of the service x channel x venue matrix (requirements §D), with its lead times (F-03, F-36).

    Leads are working days of the storehouse before the visit, each with a time of day in Tokyo. The `near_` pair is the
    shorter lead for a card that already lies at the venue. `horizon_days` is how many calendar days ahead one may book.
    """

    __tablename__ = "service_at_venue"
    __table_args__ = (
        UniqueConstraint("venue_id", "service_id"),
        CheckConstraint("accept_lead_days >= 0 AND change_lead_days >= 0 AND near_lead_days >= 0", name="lead_days"),
        CheckConstraint("horizon_days BETWEEN 1 AND 400", name="horizon_days"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"))
    service_id: Mapped[int] = mapped_column(ForeignKey("service.id"))
    pool_id: Mapped[int] = mapped_column(ForeignKey("pool.id"), index=True)
    on_web: Mapped[bool]
    by_phone: Mapped[bool]
    by_keypad: Mapped[bool]
    accept_lead_days: Mapped[int] = mapped_column(SmallInteger, default=5)
    accept_until_time: Mapped[time] = mapped_column(default=time(17))
    change_lead_days: Mapped[int] = mapped_column(SmallInteger, default=5)
    change_until_time: Mapped[time] = mapped_column(default=time(17))
    near_lead_days: Mapped[int] = mapped_column(SmallInteger, default=1)
    near_until_time: Mapped[time] = mapped_column(default=time(17))
    horizon_days: Mapped[int] = mapped_column(SmallInteger, default=60)


class ReceptionHours(Base):
    """When a service receives visitors on a weekday (0 = Monday), and its own last reception (requirements §A)."""

    __tablename__ = "reception_hours"
    __table_args__ = (
        UniqueConstraint("service_at_venue_id", "weekday"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("opens <= last_reception AND last_reception <= closes", name="in_order"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    service_at_venue_id: Mapped[int] = mapped_column(ForeignKey("service_at_venue.id"))
    weekday: Mapped[int] = mapped_column(SmallInteger)
    opens: Mapped[time]
    closes: Mapped[time]
    last_reception: Mapped[time]


class Closure(Base):
    """A day, or part of one, on which a venue receives nobody; at the storehouse: a day on which no card moves."""

    __tablename__ = "closure"
    __table_args__ = (
        Index("ix_closure_venue_id_day", "venue_id", "day"),
        CheckConstraint("(starts IS NULL) = (ends IS NULL) AND (starts IS NULL OR starts < ends)", name="part_of_day"),
    )

    id: Mapped[int] = big_id()
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"))
    day: Mapped[date]
    starts: Mapped[time | None]  # both None: the whole day
    ends: Mapped[time | None]
    reason: Mapped[str]


class SlotPlan(Base):
    """How the slots of a pool are cut on one weekday: a unit of 60, 30, 20, 15 or 10 minutes, and places a slot."""

    __tablename__ = "slot_plan"
    __table_args__ = (
        UniqueConstraint("pool_id", "weekday", "valid_from"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("unit_minutes IN (10, 15, 20, 30, 60)", name="unit_minutes"),
        CheckConstraint("places >= 0", name="places"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("pool.id"))
    weekday: Mapped[int] = mapped_column(SmallInteger)
    unit_minutes: Mapped[int] = mapped_column(SmallInteger)
    places: Mapped[int] = mapped_column(SmallInteger)
    valid_from: Mapped[date]  # the newest plan that is valid on a day cuts it


class Slot(Base):
    """A start time with its places. `booked` and `held` are kept by `booking.py` alone; the CHECK says the last no."""

    __tablename__ = "slot"
    __table_args__ = (
        UniqueConstraint("pool_id", "starts_at"),
        Index("ix_slot_pool_id_day", "pool_id", "day"),
        Index("ix_slot_starts_at", "starts_at"),
        Index("ix_slot_venue_id_starts_at", "venue_id", "starts_at"),
        CheckConstraint("booked >= 0 AND held >= 0 AND booked + held <= capacity", name="places"),
    )

    id: Mapped[int] = big_id()
    pool_id: Mapped[int] = mapped_column(ForeignKey("pool.id"))
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"))
    day: Mapped[date]  # in Tokyo, as the citizen says it
    starts_at: Mapped[datetime]
    minutes: Mapped[int] = mapped_column(SmallInteger)
    capacity: Mapped[int] = mapped_column(SmallInteger)
    booked: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    held: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    open: Mapped[bool] = mapped_column(default=True, server_default=text("true"))


class HoldKind(StrEnum):
    READ_BACK = "read_back"  # while an operator reads the booking back to the caller
    REOPENING_DELAY = "reopening_delay"  # a cancelled place that is not offered again at once
    WAITING_LIST = "waiting_list"


class SlotHold(Base):
    """Places of a slot kept aside for a while; counted in `slot.held` as long as the row stands. One for each owner."""

    __tablename__ = "slot_hold"
    __table_args__ = (one_of("kind", HoldKind), CheckConstraint("places > 0", name="places"))

    id: Mapped[int] = big_id()
    slot_id: Mapped[int] = mapped_column(ForeignKey("slot.id"), index=True)
    owner: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    places: Mapped[int] = mapped_column(SmallInteger)
    expires_at: Mapped[datetime] = mapped_column(index=True)


# --- The card --------------------------------------------------------------------------------------------------------


class CardState(StrEnum):
    """Progress of a card as far as the book needs it: may a booking hang on it?"""

    IMPORTED = "imported"
    NOTICE_SENT = "notice_sent"
    HANDED_OVER = "handed_over"
    WITHDRAWN = "withdrawn"  # destroyed, moved away, returned


class ImportBatch(Base):
    """One imported file. Its hash keeps the same file from being taken twice."""

    __tablename__ = "import_batch"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    file_name: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(unique=True)
    rows_read: Mapped[int]
    rows_added: Mapped[int]
    rows_updated: Mapped[int]
    imported_at: Mapped[datetime]
    imported_by: Mapped[int | None]


class Card(Base):
    """A finished card: the city's reservation number, its password as a keyed hash, and where it lies."""

    __tablename__ = "card"
    __table_args__ = (one_of("state", CardState), Index("ix_card_kana_key", "kana_key", postgresql_ops=BY_PREFIX))

    id: Mapped[int] = big_id()
    number: Mapped[str] = mapped_column(unique=True)  # normalised: see cards/credentials.py
    password_hmac: Mapped[bytes]
    kana: Mapped[str]
    kana_key: Mapped[str]  # folded for search
    state: Mapped[str] = mapped_column(default=CardState.IMPORTED)
    lies_at: Mapped[int] = mapped_column(ForeignKey("venue.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))


class CredentialLock(Base):
    """Failed log-ins by digest of a reservation number or staff login, known or not. Real time, not business time."""

    __tablename__ = "credential_lock"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]  # every try that was not let in since the last success, refused ones included
    recent: Mapped[list[datetime]]  # the wrong tries that count towards the next lock
    locks: Mapped[int] = mapped_column(SmallInteger)  # how often it was locked since the last success
    last_failure_at: Mapped[datetime] = mapped_column(index=True)
    locked_until: Mapped[datetime | None]


class CitizenSession(Base):
    """A citizen who is logged in with number and password. Only the digest of the cookie is kept."""

    __tablename__ = "citizen_session"

    token_digest: Mapped[bytes] = mapped_column(primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


# --- The booking -----------------------------------------------------------------------------------------------------


class BookingState(StrEnum):
    BOOKED = "booked"  # live: the visit is still to come, or not yet settled
    VISITED = "visited"
    HANDED_OVER = "handed_over"
    NO_SHOW = "no_show"
    NOT_RECORDED = "not_recorded"  # nobody marked the visit by the end of the venue's day
    CANCELLED = "cancelled"


class Booking(Base):
    """One visit to come, or past. At most one live booking a card: the partial unique index says so."""

    __tablename__ = "booking"
    __table_args__ = (
        one_of("state", BookingState),
        CheckConstraint("places > 0", name="places"),
        Index("uq_booking_live_card", "card_id", unique=True, postgresql_where=text("state = 'booked'")),
        Index("ix_booking_slot_id_state", "slot_id", "state"),
        Index("ix_booking_phone", "phone"),
        Index("ix_booking_kana_key", "kana_key", postgresql_ops=BY_PREFIX),
        Index("ix_booking_created_at", "created_at"),
    )

    id: Mapped[int] = big_id()
    reference: Mapped[str] = mapped_column(unique=True)
    slot_id: Mapped[int] = mapped_column(ForeignKey("slot.id"))
    service_id: Mapped[int] = mapped_column(ForeignKey("service.id"))
    card_id: Mapped[int | None] = mapped_column(ForeignKey("card.id"), index=True)
    purpose: Mapped[str | None]
    name: Mapped[str | None]
    kana: Mapped[str | None]
    kana_key: Mapped[str | None]
    phone: Mapped[str | None]  # E.164
    places: Mapped[int] = mapped_column(SmallInteger, default=1)
    state: Mapped[str] = mapped_column(default=BookingState.BOOKED)
    channel: Mapped[str]
    change_until: Mapped[datetime]  # the promise made to the citizen; a later rule may only extend it
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Verb(StrEnum):
    BOOK = "book"
    MOVE = "move"
    CANCEL = "cancel"
    SETTLE = "settle"


class BookingChange(Base):
    """One carried-out command on a booking. Append-only; the command key makes a repeated command harmless."""

    __tablename__ = "booking_change"
    __table_args__ = (one_of("verb", Verb),)

    id: Mapped[int] = big_id()
    booking_id: Mapped[int] = mapped_column(ForeignKey("booking.id"), index=True)
    command_key: Mapped[str] = mapped_column(unique=True)
    verb: Mapped[str]
    from_slot_id: Mapped[int | None] = mapped_column(ForeignKey("slot.id"))
    to_slot_id: Mapped[int | None] = mapped_column(ForeignKey("slot.id"))
    state: Mapped[str]  # after the command
    actor_kind: Mapped[str]
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    channel: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)


# --- What is kept about it -------------------------------------------------------------------------------------------


class AuditRow(Base):
    """Who did what, for whom, through which door, from where. Append-only, no personal value (3-1-C-xx-b)."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_target", "target"),)

    id: Mapped[int] = big_id()
    at: Mapped[datetime] = mapped_column(index=True)
    actor_kind: Mapped[str]
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    on_behalf_of: Mapped[str | None]
    channel: Mapped[str]
    identified_by: Mapped[str]
    source: Mapped[str | None]
    verb: Mapped[str]
    target: Mapped[str]  # such as booking:17
    detail: Mapped[dict[str, Any]]
    personal_digest: Mapped[bytes | None]  # salted hash of the values in the side table


class AuditPersonal(Base):
    """The personal values of an audit row, apart, so that they can be erased without breaking the chain."""

    __tablename__ = "audit_personal"

    audit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("audit.id"), primary_key=True)
    salt: Mapped[bytes]
    content: Mapped[str]  # canonical JSON, exactly as it was hashed


class AuditSeal(Base):
    """A link of the tamper-evident chain: a batch of audit rows, named one by one, under one digest (3-1-C-ix)."""

    __tablename__ = "audit_seal"

    id: Mapped[int] = big_id()
    audit_ids: Mapped[list[int]]
    previous: Mapped[bytes] = mapped_column(unique=True)  # a chain that forks is no chain
    digest: Mapped[bytes]
    sealed_at: Mapped[datetime] = mapped_column(index=True)


class OutboxMessage(Base):
    """Something to be sent once the transaction that wrote it stands. `dedup_key` lets it be written only once."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_due", "due_at", postgresql_where=text("sent_at IS NULL AND failed_at IS NULL")),)

    id: Mapped[int] = big_id()
    kind: Mapped[str]
    dedup_key: Mapped[str] = mapped_column(unique=True)
    content: Mapped[dict[str, Any]]
    due_at: Mapped[datetime]  # real time
    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class JobRun(Base):
    """One period of a job, done once however often it is started and by however many schedulers."""

    __tablename__ = "job_run"
    __table_args__ = (UniqueConstraint("kind", "period"),)

    id: Mapped[int] = big_id()
    kind: Mapped[str]
    period: Mapped[str]
    claimed_at: Mapped[datetime]  # real time; a claim that never finished may be taken over
    done_at: Mapped[datetime | None]
    outcome: Mapped[dict[str, Any] | None]


class Alarm(Base):
    """Something a person has to look at: a counter that does not add up, slots that run out, mail that fails."""

    __tablename__ = "alarm"
    __table_args__ = (Index("uq_alarm_open", "kind", unique=True, postgresql_where=text("closed_at IS NULL")),)

    id: Mapped[int] = big_id()
    kind: Mapped[str]
    message: Mapped[str]
    raised_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[int | None]


class AlarmLatch(Base):
    """A fault that goes on: its alarm is raised once, and again only after the fault was over in between."""

    __tablename__ = "alarm_latch"

    kind: Mapped[str] = mapped_column(primary_key=True)
    noticed_at: Mapped[datetime]
    raised_at: Mapped[datetime | None]  # None: it has not lasted long enough yet


class Setting(Base):
    """A figure or a list the city edits live. Unknown keys do not exist: see settings.py."""

    __tablename__ = "setting"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)
    changed_at: Mapped[datetime]


class ContentText(Base):
    """A version of a text that citizens read. The newest approved one is shown."""

    __tablename__ = "content_text"
    __table_args__ = (UniqueConstraint("key", "version"),)

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    key: Mapped[str]
    version: Mapped[int]
    body: Mapped[str]
    written_at: Mapped[datetime]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[int | None]


# --- Staff -----------------------------------------------------------------------------------------------------------


class Role(StrEnum):
    CITY_ADMIN = "city_admin"
    CITY_CLERK = "city_clerk"
    SUPERVISOR = "supervisor"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class StaffAccount(Base):
    """A person of the call centre or the city. Never shared (3-1-C-xvi-a)."""

    __tablename__ = "staff_account"
    __table_args__ = (one_of("role", Role),)

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    role: Mapped[str]
    venue_id: Mapped[int | None] = mapped_column(ForeignKey("venue.id"))
    password_hash: Mapped[str]  # Argon2id; failed sign-ins are counted in credential_lock
    active: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    created_at: Mapped[datetime]


class StaffSession(Base):
    """A signed-in member of staff at one door. Only the digest of the cookie is kept."""

    __tablename__ = "staff_session"

    token_digest: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("staff_account.id", ondelete="CASCADE"), index=True)
    door: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    source: Mapped[str | None]
