#!/usr/bin/env bash
# A million parked coroutines with default kernel settings (Linux 6.13 or later): bytes each, map
# entries, times, memory afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo run --release --quiet --package may-tests --bin million -- "$@"
