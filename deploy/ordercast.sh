#!/bin/sh
# `ordercast` with the settings of the units and, where root calls it, as their user.
set -ae
. /etc/ordercast/ordercast.env
: "${ORDERCAST_HOME:=/var/lib/ordercast}" "${ORDERCAST_SECRETS_DIR:=/etc/ordercast/secrets}"
as=
if [ "$(id -u)" = 0 ]; then
    as="runuser -u ordercast --"
    $as test -x . || cd / # in /root it may not even look for a .env
fi
exec $as /opt/ordercast/.venv/bin/ordercast "$@"
