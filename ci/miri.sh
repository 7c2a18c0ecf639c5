#!/usr/bin/env bash
# Runs under Miri what needs no switch between stacks: the unit tests of lists, queues, blocks,
# locks and the timing wheel, and channels, locks and selects among plain threads
# (`tests/tests/plain_threads.rs`). Miri checks every access against the rules of the language:
# bounds, values that were never written, races, and which pointers may be used after which (by both
# models, stacked and tree borrows).
#
# Needs a nightly compiler with Miri:
#
#   rustup toolchain install nightly --component miri --component rust-src
#
# MAY_SEEDS is how many schedules are tried of the plain threads by each model, 16 if it is not set.
# MAY_NIGHTLY names another toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

nightly="${MAY_NIGHTLY:-nightly}"
if ! cargo "+$nightly" miri --version >/dev/null 2>&1; then
    echo "toolchain $nightly or its Miri is missing: rustup toolchain install nightly --component miri --component rust-src" >&2
    exit 1
fi

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/miri"
miri=(timeout "${MAY_TIMEOUT:-1800}" cargo "+$nightly" miri test)

# The modules that ask the system for nothing that Miri has not got.
units=(util:: queue:: coroutine:: channel:: event:: wait:: timer::level timer::entry stack::label stack::size)

for model in "" "-Zmiri-tree-borrows"; do
    MIRIFLAGS="-Zmiri-disable-isolation $model" "${miri[@]}" -p may-core --lib -- "${units[@]}"
    MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-many-seeds=0..${MAY_SEEDS:-16} $model" "${miri[@]}" -p may-tests --test plain_threads
done
