"""The plugin {{name}}.

Decimals cross as text, which `decimal.Decimal` reads exactly: no floats in money. `wit/plugin.wit` has all types.
"""

from wit_world.imports import log
from wit_world.imports.types import (
    Answer,
    Answer_Change,
    Answer_Decline,
    BidRequest,
    Change_Floor,
    Change_Multiply,
)

# Everyone pays nine tenths of the built-in price,
FACTOR = "0.9"
# but at least this many USD a month.
MINIMUM_USD = "5"
# Owners who get no bid.
DENIED = {"akash1refusedqqqqqqqqqqqqqqqqqqqqqqqqq2uh00m"}


def price(request: BidRequest) -> Answer:
    """Prices one order."""
    if request.owner in DENIED:
        return Answer_Decline("this owner is denied")
    return Answer_Change([Change_Multiply(FACTOR), Change_Floor(MINIMUM_USD)])


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
