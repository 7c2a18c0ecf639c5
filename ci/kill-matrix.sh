#!/usr/bin/env bash
# The kill matrix, as often as the first argument says (20 times), unoptimised and optimised. Where
# time or a socket has a say, each run kills at other moments. Further arguments name tests of it;
# MAY_KILL names programs.
set -euo pipefail
cd "$(dirname "$0")/.."

times="${1:-20}"
[ "$#" -eq 0 ] || shift
for profile in dev release; do
    cargo test --profile "$profile" --package may-tests --test kill --no-run
    for _ in $(seq "$times"); do
        cargo test --quiet --profile "$profile" --package may-tests --test kill -- "$@"
    done
done
