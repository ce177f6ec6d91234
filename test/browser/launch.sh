#!/bin/sh
# Starts Chromium in a network namespace of its own. The pipe by which it is driven stays open across exec.
# shellcheck disable=SC2086
exec unshare $UNSHARE sh -c 'ip link set lo up; exec "$0" "$@"' "$CHROMIUM" "$@"
