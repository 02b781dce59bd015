#!/bin/sh
# Builds plugin.wasm. Needs node and npm.
set -eu
cd "$(dirname "$0")"

[ -d node_modules ] || npm install --no-audit --no-fund
node build.js plugin.wasm wit
