#!/usr/bin/env bash
# Runs test programs under valgrind's memcheck: values that were never written, and accesses to
# memory that was freed. It is told which memory is stacks (`may-core/src/stack/slab.rs`), in every
# build; that costs a few instructions where stacks are mapped.
#
# Needs valgrind: apt-get install valgrind
#
# Arguments are test programs of may-tests; without any, those of channels and locks. MAY_FILTER is
# handed to them. Valgrind runs one thread at a time and thirty times as slowly, so storms and what
# asks for turns in some time are left out.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v valgrind >/dev/null; then
    echo "valgrind is missing: apt-get install valgrind" >&2
    exit 1
fi

[ $# -gt 0 ] || set -- channels sync
skip=(--skip storm --skip memory_behind)
for program; do
    binary="$(cargo test --no-run -p may-tests --test "$program" 2>&1 | tee /dev/stderr | sed -n 's/^ *Executable.*(\(.*\))$/\1/p')"
    (
        binary="$(realpath "$binary")"
        cd tests
        timeout "${MAY_TIMEOUT:-1800}" valgrind --quiet --error-exitcode=99 --fair-sched=yes \
            "$binary" --test-threads=1 "${skip[@]}" ${MAY_FILTER:-}
    )
done
