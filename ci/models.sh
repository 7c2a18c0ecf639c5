#!/usr/bin/env bash
# Runs the models of the concurrent protocols: the production files, compiled for the model checker.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg may_loom"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/models"
# Every schedule with at most this many preemptions; two find nearly everything, and keep the run
# short.
export LOOM_MAX_PREEMPTIONS="${LOOM_MAX_PREEMPTIONS:-2}"
models=${MODELS:-model_wait model_worker model_channel model_sync model_select model_future}
cargo test --release -p may-tests ${models//model_/--test model_} "$@"
