#!/usr/bin/env bash
# An idle runtime does nothing for ten seconds: the voluntary switches of its threads do not change.
set -euo pipefail
cd "$(dirname "$0")/.."
MAY_IDLE_SECONDS="${1:-10}" cargo test --package may-tests --test coroutines -- --exact runtime::an_idle_runtime_does_nothing
