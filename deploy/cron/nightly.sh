#!/bin/sh
# Written by `assay deploy --target cron` from params.yaml; edit that and run it again.
# Runs the nights that are due, one call at a time, and tries again after a passing failure. Its
# exit code is that of `assay nightly`; 75 if the call before is still running.
set -u
cd /srv/late-flights || exit 1

# Secrets are in a file that only this user and root may read, not in this one.
if [ -r /etc/late-flights/assay.env ]; then
    set -a
    . /etc/late-flights/assay.env
    set +a
fi
PATH=/srv/late-flights/.venv/bin:/usr/local/bin:/usr/bin:/bin
export PATH

mkdir -p .assay
exec 9>.assay/nightly.lock
if ! flock --nonblock 9; then
    echo "nightly: the call before is still running" >&2
    exit 75
fi

left=2
while :; do
    timeout --kill-after=60 14400 assay nightly --pull
    code=$?
    # Failures that may be gone in a few minutes. A held night (51) is none: it is told, and waits.
    case $code in
    25|30|52|54|57|60|137|143) ;;
    *) exit "$code" ;;
    esac
    [ "$left" -gt 0 ] || exit "$code"
    left=$((left - 1))
    sleep "${ASSAY_RETRY_SECONDS:-300}"
done
