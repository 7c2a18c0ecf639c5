#!/usr/bin/env bash
# Sends a million messages, or as many as the first argument says, through selects with random arms
# under cancellations, timeouts and ends that are dropped; and has a million selects time out.
# Nothing may be lost, arrive twice, or be left behind. The ordinary tests do the same with some ten
# thousand.
set -euo pipefail
cd "$(dirname "$0")/.."

count="${1:-1000000}"
MAY_MESSAGES="$count" MAY_TIMEOUTS="$count" MAY_ROUNDS=100000 \
    cargo test --release -p may-tests --test selects -- storm:: --nocapture --test-threads=1
