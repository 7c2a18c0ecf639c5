#!/usr/bin/env bash
# What is left of cancellation in a program built without unwinding.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo run --quiet --profile abort --package may-tests --bin without_unwinding
