#!/bin/sh
# Runs once, when the cluster is made: the account that the service logs in with. By itself it may do
# nothing; each connection takes on the role of its task, which the migrations equip.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 --set password="$MERIDIAN_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE meridian LOGIN NOINHERIT PASSWORD :'password';
CREATE ROLE meridian_app NOLOGIN;
CREATE ROLE meridian_worker NOLOGIN;
CREATE ROLE meridian_analyst NOLOGIN;
CREATE ROLE meridian_audit NOLOGIN;
CREATE ROLE meridian_broker NOLOGIN;
CREATE ROLE meridian_registrar NOLOGIN;
GRANT meridian_app, meridian_worker, meridian_analyst, meridian_audit, meridian_broker,
    meridian_registrar TO meridian;
SQL
