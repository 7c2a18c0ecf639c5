#!/usr/bin/env bash
# Sends ten million messages, or as many as the first argument says, through each flavour of channel
# under random cancellations and timeouts: none may be lost or arrive twice. The ordinary tests do
# the same with fifty thousand. Further arguments name flavours.
set -euo pipefail
cd "$(dirname "$0")/.."

messages="${1:-10000000}"
[ "$#" -eq 0 ] || shift
MAY_MESSAGES="$messages" cargo test --release -p may-tests --test channels -- "${@:-storm::}" --nocapture --test-threads=1
