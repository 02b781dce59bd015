#!/usr/bin/env python3
"""Tries a running service with clients that its project did not write: check.py --socket PATH REQUEST

The tests run it. REQUEST is a bid price script's request in uact that the service bids for.
"""

import argparse
import json

import grpc

import bidprice
import health

# Long enough for the slowest machine: nothing here is about time.
PATIENCE = 600


def refused(code, call):
    """The words of a call that is refused with a code."""
    try:
        answer = call()
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} for {code}: {error.details()}"
        return error.details()
    raise AssertionError(f"answered instead of {code}: {answer}")


def reflection(pricing):
    services = pricing.services()
    for name in [bidprice.SERVICE, "akash.provider.v1.ProviderRPC", "grpc.health.v1.Health"]:
        assert name in services, f"{name} is not among {services}"


def quotes(pricing, text):
    answer = pricing.price(text, owner="akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u", timeout=PATIENCE)
    assert len(answer.quotes) == 1, answer
    (quote,) = answer.quotes
    assert bidprice.decision(pricing, quote) == "bid", quote
    assert quote.price.denom == "uact" and float(quote.price.amount) > 0, quote
    assert quote.lines and quote.offer_prices, quote
    again = pricing.price(text, owner="akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u", already_reserved=True, timeout=PATIENCE)
    assert again.quotes[0].price == quote.price, (again, quote)
    return quote


def declines(pricing, text):
    order = json.loads(text)
    order["price"]["amount"] = "0.000001"
    (quote,) = pricing.price(json.dumps(order), timeout=PATIENCE).quotes
    assert bidprice.decision(pricing, quote) == "decline" and not quote.HasField("price"), quote
    assert quote.reason.code == "price-above-max", quote


def wrong_orders(pricing):
    bad = grpc.StatusCode.INVALID_ARGUMENT
    assert refused(bad, lambda: pricing.price("{", timeout=PATIENCE))
    assert refused(bad, lambda: pricing.price("", timeout=PATIENCE))
    assert refused(bad, lambda: pricing.quote(pricing.message("QuoteRequest"), timeout=PATIENCE))


def screens(pricing, text):
    order = pricing.message("Order", text=text)
    answer = pricing.screen(pricing.message("ScreenRequest", order=order), timeout=PATIENCE)
    assert [screened.passed for screened in answer.screened] == [True], answer


def streams(pricing, text, quote):
    orders = [text, "{", text]
    requests = (pricing.message("QuoteRequest", order=pricing.message("Order", text=order)) for order in orders)
    answers = list(pricing.quote_stream(requests, timeout=PATIENCE))
    assert [answer.WhichOneof("outcome") for answer in answers] == ["response", "error", "response"], answers
    assert answers[1].error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0], answers[1]
    assert all(answers[n].response.quotes[0].price == quote.price for n in [0, 2]), answers


def status(pricing):
    answer = pricing.status(pricing.message("StatusRequest"), timeout=PATIENCE)
    assert answer.version and answer.rates.digest.startswith("sha256:"), answer


def in_parallel(pricing, text, quote):
    request = pricing.message("QuoteRequest", order=pricing.message("Order", text=text))
    calls = [pricing.quote.future(request, timeout=PATIENCE) for _ in range(20)]
    assert all(call.result().quotes[0].price == quote.price for call in calls)


def deadlines(pricing, text):
    try:
        pricing.price(text, timeout=0.000001)
    except grpc.RpcError as error:
        # The service says at once when it sees that the order cannot be priced in time.
        late = [grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED]
        assert error.code() in late, error


def probes(channel):
    assert health.serving(channel, timeout=PATIENCE)
    refused(grpc.StatusCode.NOT_FOUND, lambda: health.serving(channel, "no.such.Service", timeout=PATIENCE))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket")
    where.add_argument("--address")
    parser.add_argument("request", type=argparse.FileType())
    options = parser.parse_args()
    text = options.request.read()
    with bidprice.channel(options.socket, options.address) as channel:
        pricing = bidprice.Pricing(channel)
        reflection(pricing)
        probes(channel)
        quote = quotes(pricing, text)
        declines(pricing, text)
        wrong_orders(pricing)
        screens(pricing, text)
        streams(pricing, text, quote)
        status(pricing)
        in_parallel(pricing, text, quote)
        deadlines(pricing, text)
    print(f"all is well: {quote.price.amount} {quote.price.denom}")


if __name__ == "__main__":
    main()
