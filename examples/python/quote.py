#!/usr/bin/env python3
"""Asks a running service for the price of an order: quote.py --socket PATH ORDER"""

import argparse
import sys

import grpc

import bidprice


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", help="the service's Unix socket")
    where.add_argument("--address", help="HOST:PORT, with the --ca, --certificate and --key of mutual TLS")
    for name in ["ca", "certificate", "key"]:
        parser.add_argument(f"--{name}", help="a PEM file", type=argparse.FileType("rb"))
    parser.add_argument("--owner", default="")
    parser.add_argument("--deadline", type=float, default=5, help="seconds")
    parser.add_argument("order", type=argparse.FileType(), help="a file, or - for stdin")
    options = parser.parse_args()

    tls = [getattr(options, name) for name in ["ca", "certificate", "key"]]
    tls = tuple(file.read() for file in tls) if all(tls) else None
    with bidprice.channel(options.socket, options.address, tls) as channel:
        try:
            pricing = bidprice.Pricing(channel)
            answer = pricing.price(options.order.read(), options.owner, timeout=options.deadline)
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name}: {error.details()}")
    for quote in answer.quotes:
        said = bidprice.decision(pricing, quote)
        if said == "bid":
            print(f"{quote.group}: bid {quote.price.amount} {quote.price.denom} a block, {quote.usd_per_month} USD a month")
        else:
            print(f"{quote.group}: {said} {quote.reason.code}: {quote.reason.message}")
        for line in quote.lines:
            print(f"  {line.item:9} {line.kind:24} {line.quantity:>12} {line.unit:9} {line.usd_per_month:>14}  {line.rate}")


if __name__ == "__main__":
    main()
