#!/usr/bin/env bash
# Tries the applications and the HTTP examples with programs that others wrote: curl, openssl, wrk,
# nghttp, redis-server, PostgreSQL, Chromium, Python's websockets. Installs the Debian packages that
# are missing, for which it has to run as root.
#
# The tests start what they need themselves, on ports that the system chooses, and end it.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    chromium
    chromium-driver
    curl
    nghttp2-client
    openssl
    postgresql
    python3-websockets
    redis-server
    wrk
)

missing=()
for package in "${packages[@]}"; do
    if ! dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
        missing+=("$package")
    fi
done
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "these packages are missing: ${missing[*]}; install them, or run this as root" >&2
        exit 1
    fi
    # Nobody needs the servers that the packages would start: the tests have their own.
    apt-get update
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
fi

cargo clippy --manifest-path examples/apps/Cargo.toml --features peers --all-targets -- -D warnings
cargo test --manifest-path examples/apps/Cargo.toml --features peers
cargo test -p may-http-example --features peers
