#!/usr/bin/env bash
# 64 jobs that block their threads for 50 ms, again and again, while an echo server on two workers answers: 99% of the round trips take
# less than 5 ms. Prints the times; the first argument, if there is one, is another bound in microseconds.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet --release -p may-examples --bin pool_blocking
"${CARGO_TARGET_DIR:-target}/release/pool_blocking" --workers 2 --jobs 64 --millis 50 --p99 "${1:-5000}"
# Files and processes, and the calls of the pool, cancelled at any moment.
MAY_ROUNDS="${2:-10000}" cargo test --release -p may-tests --test blocking --test fs --test process --test signals --test stdio \
    a_cancellation -- --nocapture --test-threads=1
