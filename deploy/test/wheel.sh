#!/usr/bin/env bash
# The Python package, in an environment of its own, with what it depends on from PyPI: it prices.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
needs python3
scratch
wheel=$(one "bidprice-*.whl")
python3 -m venv "$scratch/python" || cannot "python3 has no venv"
"$scratch/python/bin/pip" install --quiet --disable-pip-version-check "$wheel"
cd "$scratch"
"$scratch/python/bin/python" - "$top/examples/rates.toml" "$(version)" <<'PYTHON'
import importlib.metadata, sys
import bidprice, pyarrow as pa

rates, version = sys.argv[1:]
assert importlib.metadata.version("bidprice") == version
orders = pa.table({"id": ["a"], "cpu": ["8"], "memory": ["16Gi"], "gpu_units": [1], "gpu": ["t4"]})
[quote] = bidprice.quote_batch(orders, rates).to_pylist()
assert quote["decision"] == "bid" and quote["price"] > 0, quote
print(quote["denom"], quote["price"])
PYTHON
