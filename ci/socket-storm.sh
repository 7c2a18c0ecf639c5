#!/usr/bin/env bash
# Opens and closes sockets for ten minutes, or as many seconds as the first argument says, and
# cancels calls many times over: no read may get stuck, nothing may be lost. The ordinary tests do
# the same for a second.
set -euo pipefail
cd "$(dirname "$0")/.."

MAY_STORM_SECONDS="${1:-600}" cargo test --release -p may-tests --test net storm -- --nocapture
MAY_ROUNDS="${2:-10000}" cargo test --release -p may-tests --test net --test io cancel -- --nocapture
