#!/usr/bin/env bash
# Runs tests under ThreadSanitizer: accesses to one place by two threads, one of which writes, with
# nothing that orders them. It is told of every switch between coroutines
# (`may-core/src/coroutine/frame.rs`), and std is built from source with it.
#
# Needs a nightly compiler and the sources of std: rustup toolchain install nightly --component
# rust-src
#
# Arguments are test programs of may-tests; without any, those of channels, locks, selects,
# coroutines and futures. MAY_NIGHTLY names another nightly toolchain, MAY_FILTER is handed to the
# test programs.
#
# What it cannot see: it does not follow fences, so each fence of ours is a read-modify-write on one
# place here (`may-core/src/prim.rs`), which orders more than the fence does. Missing fences are for
# the models (ci/models.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

nightly="${MAY_NIGHTLY:-nightly}"
sysroot="$(rustc "+$nightly" --print sysroot 2>/dev/null || true)"
if [ ! -e "$sysroot/lib/rustlib/src/rust/library/Cargo.lock" ]; then
    echo "toolchain $nightly or its rust-src is missing: rustup toolchain install nightly --component rust-src" >&2
    exit 1
fi
target="$(rustc "+$nightly" --version --verbose | sed -n 's/^host: //p')"

# Optimised, since that is where races show, and since only then does each switch enter as many
# functions as it leaves.
export RUSTFLAGS="-Zsanitizer=thread --cfg may_tsan -Cdebug-assertions=yes"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/tsan"
export TSAN_OPTIONS="suppressions=$PWD/ci/tsan-suppressions.txt:halt_on_error=0${TSAN_OPTIONS:+:$TSAN_OPTIONS}"

# How much memory a program takes, and what needs more threads and fibers than the sanitizer has
# numbers for.
skip=(--skip memory_behind --skip the_memory_of --skip a_stack_size_holds --skip stress::)

[ $# -gt 0 ] || set -- channels sync selects coroutines futures
for program; do
    timeout "${MAY_TIMEOUT:-1800}" cargo "+$nightly" test --release -Zbuild-std --target "$target" -p may-tests --test "$program" \
        -- --test-threads=1 "${skip[@]}" ${MAY_FILTER:-}
done
