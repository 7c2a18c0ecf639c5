#!/usr/bin/env bash
# Runs the tests under AddressSanitizer, with use after return detected: accesses to memory that was
# freed, to frames that have returned, beyond the ends of allocations and of variables, on the
# stacks of coroutines as on those of threads.
#
# Needs a nightly compiler: rustup toolchain install nightly
#
# Arguments are test programs of may-tests; without any, the unit tests and all of them. MAY_NIGHTLY
# names another nightly toolchain.
#
# Leaks are not looked for: the sanitizer does not know the stacks of suspended coroutines, so it
# takes what they own for leaked.
set -euo pipefail
cd "$(dirname "$0")/.."

nightly="${MAY_NIGHTLY:-nightly}"
if ! rustc "+$nightly" --version >/dev/null 2>&1; then
    echo "there is no toolchain $nightly: rustup toolchain install nightly" >&2
    exit 1
fi
target="$(rustc "+$nightly" --version --verbose | sed -n 's/^host: //p')"

export RUSTFLAGS="-Zsanitizer=address --cfg may_asan"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/asan"
export ASAN_OPTIONS="detect_leaks=0:detect_stack_use_after_return=1:allow_user_segv_handler=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"

# What cannot be asked under the sanitizer: how much memory a program takes (freed memory is kept to
# be watched), how much stack a function needs, what happens when memory is limited (the sanitizer's
# own is then, too), and what a process writes that dies of a fault (the sanitizer reports it first).
skip=(
    --skip memory_behind --skip the_memory_of --skip a_stack_size_holds
    --skip overflow --skip another_fault --skip without_map_entries
    --skip without_a_thread_to_be_had
)

cargo=(timeout "${MAY_TIMEOUT:-1800}" cargo "+$nightly" test --target "$target")
if [ $# -eq 0 ]; then
    "${cargo[@]}" -p may-core --lib -- "${skip[@]}"
    set -- channels coroutines futures io net selects sync
fi
for program; do
    "${cargo[@]}" -p may-tests --test "$program" -- "${skip[@]}"
done
