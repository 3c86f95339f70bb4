"""The ledger: a row for each ended call, one for each change of an operator; the plan of seats

What has happened is written once: of a call's row the application can only complete what comes after the call.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
    CREATE TABLE call_facts (
        id bigint GENERATED ALWAYS AS IDENTITY,
        call_id bigint,
        call_sid text NOT NULL,
        received_at timestamptz NOT NULL,
        in_hours boolean NOT NULL,
        enqueued_at timestamptz,
        first_offered_at timestamptz,
        offers integer NOT NULL,
        answered_at timestamptz,
        ended_at timestamptz NOT NULL,
        outcome text NOT NULL,
        place text,
        topic text,
        main_reason text,
        account_id integer,
        wait_us bigint,
        talk_us bigint,
        wrap_up_us bigint,
        self_served boolean NOT NULL,
        called_back_at timestamptz,
        CONSTRAINT pk_call_facts PRIMARY KEY (id),
        CONSTRAINT uq_call_facts_call_id UNIQUE (call_id),
        CONSTRAINT uq_call_facts_call_sid UNIQUE (call_sid),
        CONSTRAINT fk_call_facts_account_id FOREIGN KEY (account_id) REFERENCES staff_account (id),
        CONSTRAINT ck_call_facts_outcome_known
            CHECK (outcome IN ('answered', 'abandoned_ivr', 'abandoned_queue', 'closed', 'failed')),
        CONSTRAINT ck_call_facts_place_known CHECK (place IN ('ivr', 'queue', 'ringing')),
        CONSTRAINT ck_call_facts_topic_known CHECK (topic IN ('delivery', 'other_service', 'change')),
        CONSTRAINT ck_call_facts_main_reason_known CHECK (main_reason IN ('new_booking', 'change', 'cancellation',
            'question', 'complaint', 'not_for_us', 'nothing_heard', 'other')),
        CONSTRAINT ck_call_facts_answered_by_somebody CHECK ((outcome = 'answered') = (answered_at IS NOT NULL)),
        CONSTRAINT ck_call_facts_closed_outside_the_hours CHECK ((outcome = 'closed') <= (NOT in_hours)),
        CONSTRAINT ck_call_facts_left_somewhere
            CHECK ((outcome IN ('abandoned_ivr', 'abandoned_queue')) = (place IS NOT NULL)),
        CONSTRAINT ck_call_facts_left_before_the_queue CHECK ((place = 'ivr') <= (enqueued_at IS NULL)),
        CONSTRAINT ck_call_facts_waits_in_the_queue CHECK ((wait_us IS NULL) = (enqueued_at IS NULL)),
        CONSTRAINT ck_call_facts_no_time_runs_back CHECK (wait_us >= 0 AND talk_us >= 0 AND wrap_up_us >= 0));
    CREATE INDEX ix_call_facts_received_at ON call_facts (received_at);
    CREATE TABLE operator_event (
        id bigint GENERATED ALWAYS AS IDENTITY,
        account_id integer NOT NULL,
        at timestamptz NOT NULL,
        status text NOT NULL,
        reason text,
        offer_id bigint,
        call_id bigint,
        offer_state text,
        CONSTRAINT pk_operator_event PRIMARY KEY (id),
        CONSTRAINT fk_operator_event_account_id FOREIGN KEY (account_id) REFERENCES staff_account (id),
        CONSTRAINT ck_operator_event_status_known CHECK (status IN ('offline', 'available', 'away')),
        CONSTRAINT ck_operator_event_offer_state_known CHECK (offer_state IN ('pending', 'accepted', 'wrapping',
            'completed', 'declined', 'timed_out', 'rescinded', 'failed')),
        CONSTRAINT ck_operator_event_offer_with_its_state CHECK (num_nulls(offer_id, call_id, offer_state) IN (0, 3)));
    CREATE INDEX ix_operator_event_at ON operator_event (at);
    CREATE INDEX ix_operator_event_account_id_id ON operator_event (account_id, id);
    CREATE TABLE seat_plan_step (
        id bigint GENERATED ALWAYS AS IDENTITY,
        weekday smallint NOT NULL,
        valid_from date NOT NULL,
        starts time NOT NULL,
        seats integer NOT NULL,
        least integer NOT NULL,
        CONSTRAINT pk_seat_plan_step PRIMARY KEY (id),
        CONSTRAINT uq_seat_plan_step_weekday_valid_from_starts UNIQUE (weekday, valid_from, starts),
        CONSTRAINT ck_seat_plan_step_weekday CHECK (weekday BETWEEN 0 AND 6),
        CONSTRAINT ck_seat_plan_step_seats CHECK (0 <= least AND least <= seats));
    CREATE TABLE seat_plan_exception (
        id bigint GENERATED ALWAYS AS IDENTITY,
        day date NOT NULL,
        starts time NOT NULL,
        seats integer NOT NULL,
        least integer NOT NULL,
        reason text NOT NULL,
        CONSTRAINT pk_seat_plan_exception PRIMARY KEY (id),
        CONSTRAINT uq_seat_plan_exception_day_starts UNIQUE (day, starts),
        CONSTRAINT ck_seat_plan_exception_seats CHECK (0 <= least AND least <= seats));
    CREATE INDEX ix_call_live ON call (received_at) WHERE state <> 'ended';
    CREATE INDEX ix_offer_account_id_id ON offer (account_id, id)"""

PAST_CALLS = """
    INSERT INTO call_facts (call_id, call_sid, received_at, in_hours, enqueued_at, first_offered_at, offers, answered_at,
                            ended_at, outcome, place, topic, main_reason, account_id, wait_us, talk_us, wrap_up_us,
                            self_served)
    SELECT c.id, c.call_sid, c.received_at, c.outcome <> 'closed', c.enqueued_at, c.first_offered_at, o.offers,
        c.answered_at, c.ended_at, c.outcome,
        CASE c.outcome WHEN 'abandoned_ivr' THEN 'ivr'
                       WHEN 'abandoned_queue' THEN CASE WHEN o.rang_at_the_end THEN 'ringing' ELSE 'queue' END END,
        c.topic, c.main_reason, o.account_id,
        CASE WHEN c.enqueued_at IS NOT NULL
             THEN CAST(extract(epoch FROM greatest(coalesce(c.answered_at, c.ended_at) - c.enqueued_at, interval '0'))
                       * 1000000 AS bigint) END, o.talk_us, o.wrap_up_us, false
    FROM (SELECT id, call_sid, received_at, enqueued_at, first_offered_at, answered_at, ended_at, topic, main_reason,
                 CASE WHEN answered_at IS NOT NULL THEN 'answered' ELSE outcome END AS outcome
          FROM call WHERE state = 'ended') c
    LEFT JOIN LATERAL (
        SELECT CAST(count(*) AS integer) AS offers,
            bool_or(state = 'rescinded' AND over_at = c.ended_at) AS rang_at_the_end,
            (array_agg(account_id ORDER BY accepted_at, id) FILTER (WHERE accepted_at IS NOT NULL))[1] AS account_id,
            CASE WHEN bool_and(over_at IS NOT NULL) FILTER (WHERE accepted_at IS NOT NULL)
                 THEN CAST(sum(CAST(extract(epoch FROM greatest(over_at - accepted_at, interval '0')) * 1000000
                                    AS bigint)) FILTER (WHERE accepted_at IS NOT NULL) AS bigint) END AS talk_us,
            CASE WHEN bool_and(completed_at IS NOT NULL) FILTER (WHERE accepted_at IS NOT NULL)
                 THEN CAST(sum(CAST(extract(epoch FROM greatest(completed_at - over_at, interval '0')) * 1000000
                                    AS bigint)) FILTER (WHERE accepted_at IS NOT NULL) AS bigint) END AS wrap_up_us
        FROM offer WHERE call_id = c.id) o ON true"""
OPERATORS_NOW = """
    INSERT INTO operator_event (account_id, at, status, reason, offer_id, call_id, offer_state)
    SELECT s.account_id, greatest(s.since, o.offered_at), s.status, s.reason, o.id, o.call_id, o.state
    FROM operator_state s
    LEFT JOIN LATERAL (SELECT id, call_id, state, offered_at FROM offer
                       WHERE account_id = s.account_id ORDER BY id DESC LIMIT 1) o ON true"""
COMPLETED_LATER = "main_reason, talk_us, wrap_up_us, called_back_at"


def upgrade() -> None:
    for statement in TABLES.split(";"):
        op.execute(statement)
    op.execute(PAST_CALLS)
    op.execute(OPERATORS_NOW)
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON operator_event, call_facts FROM madoguchi_app")
    op.execute(f"GRANT UPDATE ({COMPLETED_LATER}) ON call_facts TO madoguchi_app")


def downgrade() -> None:
    op.execute("DROP INDEX ix_offer_account_id_id, ix_call_live")
    op.execute("DROP TABLE seat_plan_exception, seat_plan_step, operator_event, call_facts")
