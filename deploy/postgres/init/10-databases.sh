#!/bin/sh
# Run by the postgres image when it makes its data directory: one database for each service, with a role that owns it
# (and migrates) and a role that works in it and may only read and write rows.
set -eu

secrets=${BACKORDER_POSTGRES_SECRETS:-/run/secrets}
run() { psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" "$@"; }

run --dbname postgres <<'SQL'
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
SQL

for service in order inventory allocation notification; do
    database=backorder_$service
    # Passwords go through the environment: a command line is seen by every process.
    OWNER_PASSWORD=$(cat "$secrets/${database}_owner_password")
    APP_PASSWORD=$(cat "$secrets/${database}_app_password")
    export OWNER_PASSWORD APP_PASSWORD
    run --dbname postgres --set database="$database" --set owner="${database}_owner" --set app="${database}_app" <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
CREATE ROLE :"owner" LOGIN PASSWORD :'owner_password';
CREATE ROLE :"app" LOGIN PASSWORD :'app_password';
CREATE DATABASE :"database" OWNER :"owner";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"app";
-- No statement of a service takes this long unless something is wrong; migrations run as the owner.
ALTER ROLE :"app" SET statement_timeout = '60s';
\connect :"database"
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO :"app";
SQL
done

# From outside by TLS only. The image has written a line that takes both.
if [ -n "${PGDATA:-}" ] && [ -f "$PGDATA/pg_hba.conf" ]; then
    sed -i -E 's/^host([[:space:]]+all[[:space:]]+all[[:space:]]+all[[:space:]])/hostssl\1/' "$PGDATA/pg_hba.conf"
fi
