#!/usr/bin/env bash
# All tests of behaviour, compiled as programs are that people run. Arguments go to the test
# programs.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --release -p may-tests --no-fail-fast -- "$@"
