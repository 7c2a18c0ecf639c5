#!/usr/bin/env bash
# 64 jobs that block their threads for 50 ms, again and again, while an echo server on two workers
# answers: 99% of the round trips take less than 5 ms. Prints the times; the first argument, if
# there is one, is another bound in microseconds. Then the calls that go to other threads, those of
# processes and of the standard streams, and signals: each is cancelled at any moment, 10,000 times
# or as often as the second argument says. That takes some minutes, most of them for starting 80,000
# processes.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet --release -p may-examples --bin pool_blocking
MAY_WORKERS=2 "${CARGO_TARGET_DIR:-target}/release/pool_blocking" "${1:-5000}"
MAY_ROUNDS="${2:-10000}" cargo test --release -p may-tests --test blocking a_cancellation -- --nocapture --test-threads=1
