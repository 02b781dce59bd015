"""Real Ray, on this machine."""

from decimal import Decimal

import bidprice
import pyarrow as pa
import pytest

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_map_batches_prices_as_one_batch_does(cluster, rates, orders):
    table = pa.Table.from_batches([orders] * 40)
    quoter = bidprice.Quoter(rates)
    dataset = ray.data.from_arrow(table).repartition(4)
    priced = dataset.map_batches(quoter, batch_format="pyarrow", batch_size=50)
    rows = sorted((row["id"], row["decision"], row["usd_per_month"]) for row in priced.take_all())
    assert len(rows) == 200
    expected = sorted((row["id"], row["decision"], row["usd_per_month"]) for row in quoter(orders).to_pylist() * 40)
    assert rows == expected


def test_a_class_makes_its_quoter_once_a_worker(cluster, rates, orders):
    class Pricer:
        def __init__(self, path):
            self.quoter = bidprice.Quoter(path)

        def __call__(self, batch):
            return self.quoter(batch)

    dataset = ray.data.from_arrow(pa.Table.from_batches([orders] * 8))
    priced = dataset.map_batches(
        Pricer, fn_constructor_args=(str(rates),), batch_format="pyarrow", batch_size=10, concurrency=2
    )
    assert priced.sum("usd_per_month") is not None
    assert priced.count() == 40


def test_seeds_are_tasks(cluster, scenario):
    @ray.remote
    def revenue(seed):
        answer = bidprice.simulate(str(scenario), seed=seed, threads=1)
        return Decimal(answer["strategies"][0]["revenue_usd"])

    apart = ray.get([revenue.remote(seed) for seed in (1, 2, 3)])
    together = bidprice.simulate(scenario, set={"sweep.seeds": 3})
    assert sum(apart) == Decimal(together["strategies"][0]["revenue_usd"])
