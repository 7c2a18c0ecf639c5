#!/usr/bin/env bash
# The fuzzers, each for as many seconds as the first argument says (600): models of channels,
# semaphores, locks, scopes and timers, token soup for the macros, bytes for the HTTP example's
# parsers.
# MAY_TEST_SEED takes up the seed that a failure has printed.
set -euo pipefail
cd "$(dirname "$0")/.."
export MAY_FUZZ_SECONDS="${1:-600}"
cargo test --release --package may-tests --test fuzz -- --nocapture --test-threads=1
cargo test --release --package may-macros --lib soup -- --nocapture
cargo test --release --package may-http-example --test fuzz -- --nocapture
