"""Endpoints cost by their number, in Python.

Few tenants need more than a handful of ports; those who open hundreds often scan or send spam, and the provider's
network answers for it. Decimals cross as text, which `decimal.Decimal` reads exactly: no floats in money.
"""

from decimal import Decimal

from wit_world.imports import log
from wit_world.imports.types import (
    Answer,
    Answer_Change,
    Answer_Decline,
    BidRequest,
    Change_Add,
)

# Endpoints that are in the price of an order.
FREE = 4
# What each further one costs, in USD a month.
USD_EACH = Decimal("0.75")
# More than this many get no bid.
MOST = 100


def price(request: BidRequest) -> Answer:
    """Prices one order."""
    endpoints = sum(unit.endpoints.total for unit in request.order.resources)
    if endpoints > MOST:
        return Answer_Decline(f"{endpoints} endpoints are more than {MOST}")
    if endpoints <= FREE:
        return Answer_Change([])
    extra = USD_EACH * (endpoints - FREE)
    log.log(log.Level.INFO, f"{endpoints} endpoints cost {extra} USD a month extra")
    # `f` keeps the text plain: no exponent, however small or large.
    return Answer_Change([Change_Add(f"{extra:f}")])


class Pricer:
    """What the host calls."""

    def price(self, request: BidRequest) -> Answer:
        # An exception is no answer: the call traps, the host makes a fault of it and does not bid. Log it first, or
        # the operator sees no more than a trap.
        try:
            return price(request)
        except Exception as error:
            log.log(log.Level.ERROR, f"{type(error).__name__}: {error}")
            raise
