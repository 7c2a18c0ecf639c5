#!/usr/bin/env bash
# Everything at once on two workers, for as many minutes as the first argument says (30), from the
# seed that the second one says: exact counts, flat memory, and nothing left in the end. Linux only.
set -euo pipefail
cd "$(dirname "$0")/.."
# An arena of malloc's is an entry of the memory map, and comes when threads meet by chance.
export MALLOC_ARENA_MAX=1
cargo run --release --quiet --package may-tests --bin soak -- "$@"
