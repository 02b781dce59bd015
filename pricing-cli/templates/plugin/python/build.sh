#!/bin/sh
# Builds plugin.wasm. Needs Python 3.10 or later.
set -eu
cd "$(dirname "$0")"

if [ ! -x .venv/bin/componentize-py ]; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet componentize-py==0.25.1
fi
.venv/bin/componentize-py --wit-path wit --world plugin componentize --stub-wasi --output plugin.wasm plugin
