"""Policies are versions of whole documents, assigned to SKUs, categories and everything else.

What ``allocation_policy`` held goes on deciding under the same names and versions. The old table stays:
workers of the version before read it during a rolling restart.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

# Written out, and not taken from the code: a stored document means the same whatever the code's defaults become.
_DOCUMENT = """
    jsonb_build_object('sort', sort, 'protect_promises', protect_promises) || '{
        "share": "sequential", "complete": "greedy", "holdback": null, "quotas": [], "ageing": null,
        "bypass_limit": null,
        "value_index": {"weights": {"date": 0, "loyalty": 100, "urgency": 100, "value": 0}, "loss_days": 30},
        "tiers": [
            {"name": "platinum", "weight": 8, "patience_days": 50, "due_days": 2},
            {"name": "gold", "weight": 4, "patience_days": 40, "due_days": 3},
            {"name": "silver", "weight": 2, "patience_days": 30, "due_days": 7},
            {"name": "standard", "weight": 1, "patience_days": 20, "due_days": 14}
        ]
    }'
"""

DDL = (
    """
    CREATE TABLE policy (
        name       text COLLATE "C" PRIMARY KEY,
        revision   bigint      NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE policy_version (
        name         text COLLATE "C" NOT NULL REFERENCES policy,
        version      int         NOT NULL,
        document     jsonb       NOT NULL,
        status       text        NOT NULL CHECK (status IN ('draft', 'active', 'retired')),
        note         text        NOT NULL DEFAULT '',
        created_at   timestamptz NOT NULL DEFAULT now(),
        created_by   text        NOT NULL,
        activated_at timestamptz,
        activated_by text,
        retired_at   timestamptz,
        retired_by   text,
        valid_from   timestamptz,
        valid_until  timestamptz,
        begun        boolean     NOT NULL DEFAULT false,
        ended        boolean     NOT NULL DEFAULT false,
        PRIMARY KEY (name, version),
        CHECK (valid_from < valid_until),
        CHECK (status = 'draft' OR activated_at IS NOT NULL)
    )
    """,
    "CREATE UNIQUE INDEX policy_draft ON policy_version (name) WHERE status = 'draft'",
    "CREATE INDEX policy_active ON policy_version (name) WHERE status = 'active'",
    "CREATE INDEX policy_to_begin ON policy_version (valid_from) WHERE status = 'active' AND NOT begun",
    "CREATE INDEX policy_to_end ON policy_version (valid_until)"
    " WHERE status = 'active' AND NOT ended AND valid_until IS NOT NULL",
    "CREATE SEQUENCE policy_assignment_version CACHE 1",
    """
    CREATE TABLE policy_assignment (
        scope       text COLLATE "C" NOT NULL CHECK (scope IN ('default', 'category', 'sku')),
        target      text COLLATE "C" NOT NULL,
        policy      text COLLATE "C" NOT NULL REFERENCES policy,
        version     bigint      NOT NULL DEFAULT nextval('policy_assignment_version'),
        assigned_at timestamptz NOT NULL DEFAULT now(),
        assigned_by text        NOT NULL,
        PRIMARY KEY (scope, target),
        CHECK ((scope = 'default') = (target = ''))
    )
    """,
    "CREATE INDEX policy_assigned ON policy_assignment (policy)",
    "CREATE INDEX sku_of_category ON sku (category) WHERE category IS NOT NULL",
    'CREATE TABLE policy_review (sku text COLLATE "C" PRIMARY KEY, wanted_at timestamptz NOT NULL DEFAULT now())',
    "INSERT INTO policy (name, created_at) SELECT name, updated_at FROM allocation_policy",
    f"""
    INSERT INTO policy_version (name, version, document, status, note, created_at, created_by, activated_at,
                                activated_by, retired_at, retired_by, begun)
    SELECT name, version, {_DOCUMENT}, CASE WHEN dropped THEN 'retired' ELSE 'active' END, '',
           updated_at, 'migration', updated_at, 'migration',
           CASE WHEN dropped THEN updated_at END, CASE WHEN dropped THEN 'migration' END, true
    FROM allocation_policy
    """,
    """
    INSERT INTO policy_assignment (scope, target, policy, assigned_at, assigned_by)
    SELECT CASE WHEN name = 'default' THEN 'default' ELSE 'sku' END,
           CASE WHEN name = 'default' THEN '' ELSE substr(name, 5) END, name, updated_at, 'migration'
    FROM allocation_policy WHERE NOT dropped ORDER BY name
    """,
)


def upgrade() -> None:
    for statement in DDL:
        op.execute(statement)
