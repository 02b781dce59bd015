"""What the tests share: the project's own corpus and small rate cards."""

import pathlib

import pyarrow as pa
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

RATES = """
[rates.gpu]
"t4" = "80"
"a100" = "1000"
"h100" = "1900"
"""


@pytest.fixture
def rates(tmp_path):
    path = tmp_path / "rates.toml"
    path.write_text(RATES)
    return path


@pytest.fixture
def orders():
    """Five orders: a T4, either of two models, any card, no card, and one whose maximum is too low."""
    return pa.RecordBatch.from_pydict(
        {
            "id": ["one", "two", "any", "cpu", "poor"],
            "cpu": ["8", "8", "8", "8", "8"],
            "memory": ["16Gi", "16Gi", "16Gi", "16Gi", "16Gi"],
            "gpu_units": pa.array([1, 2, 1, 0, 1], pa.int64()),
            "gpu": ["t4", "a100|h100", "*", None, "t4"],
            "max_price": [None, None, None, None, "1"],
            "denom": ["uact"] * 5,
        }
    )


@pytest.fixture
def scenario(tmp_path, rates):
    path = tmp_path / "scenario.toml"
    path.write_text(
        f"""
seed = 1
[orders]
sdl_dir = "{ROOT / "corpus" / "sdl"}"
limit = 60
duration = "1d"
arrivals = {{ rate = "10/h" }}
lifetime = {{ typical = "6h" }}
[inventory]
describe = "2 nodes x 4 t4/16Gi/pcie"
[[strategy]]
name = "card"
rates = "rates.toml"
[[strategy]]
name = "old"
rates = "rates.toml"
gpu = "highest-wildcard"
"""
    )
    return path
