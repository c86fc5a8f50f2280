"""Orders and what customers were told of them, contacts, notifications, webhook endpoints and their deliveries."""

from alembic import op

from service_kit.hosting.tables import create_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_WATCHED = (
    """
    CREATE TABLE watched_order (
        order_id    text PRIMARY KEY,
        sequence    bigint NOT NULL DEFAULT -1,
        reference   text NOT NULL DEFAULT '',
        contact_id  text,
        customer_id text,
        placed_at   timestamptz,
        cause       text,
        opened_at   timestamptz,
        due_at      timestamptz,
        outcomes    bigint NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX watched_order_due ON watched_order (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX watched_order_customer ON watched_order (customer_id) WHERE customer_id IS NOT NULL",
    """
    CREATE TABLE watched_line (
        order_id        text NOT NULL REFERENCES watched_order,
        line_id         text NOT NULL,
        sku             text NOT NULL,
        quantity        bigint NOT NULL,
        cancelled       bigint NOT NULL,
        shipped         bigint NOT NULL,
        order_sequence  bigint NOT NULL,
        line_version    bigint NOT NULL,
        allocated       bigint NOT NULL,
        waiting         bigint NOT NULL,
        declined        bigint NOT NULL,
        reason          text NOT NULL,
        promise_date    date,
        told_allocated  bigint NOT NULL,
        told_waiting    bigint NOT NULL,
        told_declined   bigint NOT NULL,
        told_cancelled  bigint NOT NULL,
        told_promise_date date,
        PRIMARY KEY (order_id, line_id)
    )
    """,
    """
    CREATE TABLE sku_name (
        sku     text PRIMARY KEY,
        version bigint NOT NULL,
        name    text
    )
    """,
)

_NOTIFICATIONS = (
    # One counter for all contacts: an id that is erased and used again never shows an old ETag.
    "CREATE SEQUENCE contact_version",
    """
    CREATE TABLE contact (
        contact_id text PRIMARY KEY,
        email      text NOT NULL,
        locale     text NOT NULL,
        time_zone  text NOT NULL,
        version    bigint NOT NULL DEFAULT nextval('contact_version'),
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )
    """,
    # recipient, subject, body_text and body_html are personal: erasing the contact empties them.
    """
    CREATE TABLE notification (
        notification_id text PRIMARY KEY,
        order_id        text NOT NULL REFERENCES watched_order,
        contact_id      text NOT NULL,
        template        text NOT NULL,
        channel         text NOT NULL DEFAULT 'email',
        cause           text NOT NULL,
        resend_of       text REFERENCES notification,
        facts           jsonb NOT NULL,
        state           text NOT NULL CHECK (state IN ('pending', 'waiting_for_contact', 'sent', 'failed')),
        attempts        integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz,
        reason          text,
        created_at      timestamptz NOT NULL,
        finished_at     timestamptz,
        version         integer NOT NULL DEFAULT 1,
        recipient       text,
        subject         text,
        body_text       text,
        body_html       text
    )
    """,
    # A message once per (event, recipient, template); a resend is asked for and says so.
    """
    CREATE UNIQUE INDEX notification_once ON notification (cause, contact_id, template, channel)
        WHERE resend_of IS NULL
    """,
    "CREATE INDEX notification_order ON notification (order_id, notification_id)",
    "CREATE INDEX notification_contact ON notification (contact_id)",
    "CREATE INDEX notification_due ON notification (next_attempt_at) WHERE state = 'pending'",
    "CREATE INDEX notification_pending_order ON notification (order_id, notification_id) WHERE state = 'pending'",
    """
    CREATE INDEX notification_waiting ON notification (next_attempt_at, contact_id)
        WHERE state = 'waiting_for_contact'
    """,
)

_WEBHOOKS = (
    """
    CREATE TABLE webhook_endpoint (
        endpoint_id          text PRIMARY KEY,
        url                  text NOT NULL,
        description          text NOT NULL DEFAULT '',
        event_types          text[] NOT NULL,
        enabled              boolean NOT NULL DEFAULT true,
        disabled_reason      text,
        disabled_at          timestamptz,
        created_at           timestamptz NOT NULL,
        version              integer NOT NULL DEFAULT 1,
        failing_since        timestamptz,
        consecutive_failures integer NOT NULL DEFAULT 0,
        last_success_at      timestamptz,
        last_failure_at      timestamptz,
        last_status          integer,
        last_error           text
    )
    """,
    # Signing needs the secret itself. More than one is alive for a while after a rotation.
    """
    CREATE TABLE webhook_secret (
        endpoint_id text NOT NULL REFERENCES webhook_endpoint ON DELETE CASCADE,
        secret      text NOT NULL,
        created_at  timestamptz NOT NULL,
        expires_at  timestamptz,
        PRIMARY KEY (endpoint_id, secret)
    )
    """,
    """
    CREATE TABLE webhook_message (
        event_id   text PRIMARY KEY,
        event_type text NOT NULL,
        body       text NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX webhook_message_created ON webhook_message (created_at)",
    """
    CREATE TABLE webhook_delivery (
        endpoint_id     text NOT NULL REFERENCES webhook_endpoint ON DELETE CASCADE,
        event_id        text NOT NULL REFERENCES webhook_message ON DELETE CASCADE,
        state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
        attempts        integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz,
        last_status     integer,
        last_error      text,
        created_at      timestamptz NOT NULL,
        finished_at     timestamptz,
        PRIMARY KEY (endpoint_id, event_id)
    )
    """,
    "CREATE INDEX webhook_delivery_event ON webhook_delivery (event_id)",
    "CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_attempt_at) WHERE state = 'pending'",
)


def upgrade() -> None:
    create_kit_tables(op)
    for statement in (*_WATCHED, *_NOTIFICATIONS, *_WEBHOOKS):
        op.execute(statement)
