"""Quotes of record batches."""

import json
import pickle
from decimal import Decimal

import bidprice
import pyarrow as pa
import pytest

# 8 threads at 1.60 and 16 GiB at 0.80 USD a month.
COMPUTE = Decimal("25.6")


def answers(batch):
    return {row["id"]: row for row in batch.to_pylist()}


def test_each_row_is_priced_exactly(rates, orders):
    rows = answers(bidprice.quote_batch(orders, rates))
    assert [rows[name]["usd_per_month"] for name in ("one", "two", "cpu")] == [
        COMPUTE + 80,
        COMPUTE + 2 * 1900,
        COMPUTE,
    ]
    assert rows["one"]["decision"] == "bid"
    # USD a month by 429909 blocks, in millionths of a dollar token, with 6 decimals.
    assert rows["one"]["price"] == (Decimal("105.6") * 10**6 / 429909).quantize(Decimal("0.000001"))
    assert rows["one"]["gpu"] == "nvidia/t4"


def test_the_types_of_the_answer_are_the_schema(rates, orders):
    quoter = bidprice.Quoter(rates)
    answer = quoter(orders)
    assert answer.schema == quoter.schema()
    assert answer.schema.field("price").type == pa.decimal128(38, 18)
    assert answer.schema.field("usd_per_month").type == pa.decimal128(38, 12)


def test_a_decline_is_no_price(rates, orders):
    row = answers(bidprice.quote_batch(orders, rates))["poor"]
    assert (row["decision"], row["reason"], row["price"]) == ("decline", "price-above-max", None)
    assert row["usd_per_month"] == COMPUTE + 80


def test_the_card_of_the_inventory_is_priced(rates, orders, tmp_path):
    inventory = tmp_path / "inventory.json"
    inventory.write_text(
        """{"nodes": [{"name": "n1", "resources": {
            "cpu": {"quantity": {"allocatable": "64", "allocated": "0"}},
            "memory": {"quantity": {"allocatable": "256Gi", "allocated": "0"}},
            "gpu": {"quantity": {"allocatable": "4", "allocated": "0"}, "info": [
                {"vendor": "nvidia", "name": "t4", "interface": "PCIe", "memory_size": "16Gi"},
                {"vendor": "nvidia", "name": "t4", "interface": "PCIe", "memory_size": "16Gi"},
                {"vendor": "nvidia", "name": "t4", "interface": "PCIe", "memory_size": "16Gi"},
                {"vendor": "nvidia", "name": "t4", "interface": "PCIe", "memory_size": "16Gi"}]},
            "ephemeral_storage": {"quantity": {"allocatable": "1Ti", "allocated": "0"}},
            "volumes_attached": {"quantity": {"allocatable": "0", "allocated": "0"}},
            "volumes_mounted": {"quantity": {"allocatable": "0", "allocated": "0"}}},
            "capabilities": {"storage_classes": []}}], "storage": []}"""
    )
    rows = answers(bidprice.quote_batch(orders, rates, inventory))
    assert rows["any"]["usd_per_month"] == COMPUTE + 80
    assert rows["any"]["gpu"] == "nvidia/t4/16Gi/pcie"
    assert rows["two"]["reason"] == "insufficient-capacity"
    old = answers(bidprice.quote_batch(orders, rates, inventory, gpu="highest-wildcard"))
    assert old["any"]["usd_per_month"] == COMPUTE + 1900


def test_a_preference_chooses_between_models_that_fit(rates, orders, tmp_path):
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"nodes": [node("n1", "h100", "80Gi"), node("n2", "t4", "16Gi")], "storage": []}))
    cards = {prefer: answers(bidprice.quote_batch(orders, rates, inventory, prefer=prefer))["any"]["gpu"]
             for prefer in ("order", "cheapest")}
    assert cards == {"order": "nvidia/h100/80Gi/pcie", "cheapest": "nvidia/t4/16Gi/pcie"}
    with pytest.raises(ValueError, match="prefer: `best` is not `order` or `cheapest` or `packing`"):
        bidprice.Quoter(rates, inventory, prefer="best")


def node(name, model, ram):
    def pair(allocatable):
        return {"quantity": {"allocatable": allocatable, "allocated": "0"}}

    card = {"vendor": "nvidia", "name": model, "interface": "PCIe", "memory_size": ram}
    return {
        "name": name,
        "resources": {
            "cpu": pair("64"),
            "memory": pair("256Gi"),
            "gpu": {**pair("1"), "info": [card]},
            "ephemeral_storage": pair("1Ti"),
            "volumes_attached": pair("0"),
            "volumes_mounted": pair("0"),
        },
        "capabilities": {"storage_classes": []},
    }


def test_rows_that_are_no_orders_are_refused_or_kept(rates):
    batch = pa.RecordBatch.from_pydict({"id": ["good", "bad"], "cpu": ["1", "many"], "memory": ["1Gi", "1Gi"]})
    with pytest.raises(ValueError, match="row 2: .*cpu"):
        bidprice.quote_batch(batch, rates)
    rows = bidprice.quote_batch(batch, rates, malformed="keep").to_pylist()
    assert [row["decision"] for row in rows] == ["bid", "malformed"]
    assert rows[1]["price"] is None and "many" in rows[1]["message"]


def test_columns_that_are_unknown_are_refused(rates):
    batch = pa.RecordBatch.from_pydict({"cpu": ["1"], "memory": ["1Gi"], "max_prise": ["5"]})
    with pytest.raises(ValueError, match="max_price"):
        bidprice.quote_batch(batch, rates)


def test_a_float_is_no_exact_rate(rates):
    with pytest.raises(TypeError, match="float"):
        bidprice.Quoter(rates, usd_per_akt=0.5)
    with pytest.raises(ValueError, match="above 0"):
        bidprice.Quoter(rates, usd_per_akt="0")


def test_an_emptied_or_cut_rate_card_is_refused(orders, tmp_path):
    card = tmp_path / "rates.toml"
    for text in ("", "# nothing\n", "[policy]\nunlisted_gpu = 5\n", "[rates]\n"):
        card.write_text(text)
        with pytest.raises(ValueError, match="the rate card"):
            bidprice.Quoter(card)
    # Where no card is named, nothing can have been cut.
    assert len(bidprice.quote_batch(orders)) == len(orders)


def test_uakt_needs_its_rate(rates):
    batch = pa.RecordBatch.from_pydict({"id": ["a"], "cpu": ["1"], "memory": ["1Gi"], "denom": ["uakt"]})
    row = bidprice.quote_batch(batch, rates).to_pylist()[0]
    assert (row["decision"], row["reason"]) == ("fault", "rate-unavailable")
    row = bidprice.quote_batch(batch, rates, usd_per_akt="0.5").to_pylist()[0]
    assert row["price"] == (Decimal("2.4") / Decimal("0.5") * 10**6 / 429909).quantize(Decimal("0.000001"))


def test_a_quoter_is_pickled_with_its_files(rates, orders):
    quoter = bidprice.Quoter(rates)
    expected = quoter(orders)
    packed = pickle.dumps(quoter)
    rates.unlink()
    assert pickle.loads(packed)(orders).equals(expected)


def test_tables_are_priced_whole(rates, orders):
    table = pa.Table.from_batches([orders, orders])
    answer = bidprice.quote_batch(table, rates)
    assert answer.num_rows == 10 and answer.schema == bidprice.Quoter(rates).schema()


def test_a_generator_of_batches_is_what_spark_hands_over(rates, orders):
    function = pickle.loads(pickle.dumps(bidprice.map_in_arrow(rates)))
    batches = list(function(iter([orders, orders.slice(0, 2)])))
    assert [batch.num_rows for batch in batches] == [5, 2]
