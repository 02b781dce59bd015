"""Simulations from Python."""

import bidprice
import pytest


def test_every_order_is_won_or_lost(scenario):
    answer = bidprice.simulate(scenario)
    assert answer["schema"] == 1
    for strategy in answer["strategies"]:
        assert strategy["orders"] == strategy["won"] + sum(strategy["lost"].values()) > 0


def test_threads_change_nothing_and_seeds_do(scenario):
    one = bidprice.simulate(scenario, threads=1)
    assert bidprice.simulate(scenario, threads=4) == one
    assert bidprice.simulate(scenario, seed=2) != one


def test_keys_can_be_set(scenario):
    answer = bidprice.simulate(scenario, set={"orders.limit": 7, "sweep.seeds": 2})
    assert [strategy["orders"] for strategy in answer["strategies"]] == [14, 14]
    with pytest.raises(ValueError, match="limt"):
        bidprice.simulate(scenario, set={"orders.limt": 7})


def test_what_is_wrong_is_a_value_error(tmp_path):
    with pytest.raises(ValueError, match="none.toml"):
        bidprice.simulate(tmp_path / "none.toml")
