#!/usr/bin/env bash
# Whatever is stable in std::sync, in std::net and std::os::unix::net for sockets, in std::fs, in
# std::process, in std::io for the standard streams, and in crossbeam-channel, has a row in a table
# (tests/tests/parity).
#
# Reads the documentation of the toolchain (rustup component add rust-docs) and of
# crossbeam-channel, which this makes first. For what is to come: RUSTUP_TOOLCHAIN=beta
# ci/parity.sh, or ci/parity.py --html DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo doc --quiet --no-deps --package crossbeam-channel
python3 ci/parity.py --crossbeam "${CARGO_TARGET_DIR:-target}/doc/crossbeam_channel" "$@"
