#!/usr/bin/env python3
"""Asks the standard health service: health.py --socket PATH. Exit code 0 when it serves, 1 when not."""

import argparse
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

import bidprice


def serving(channel, service="", timeout=2):
    """Whether a service serves; the empty name is all of the program."""
    request = health_pb2.HealthCheckRequest(service=service)
    answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=timeout)
    return answer.status == health_pb2.HealthCheckResponse.SERVING


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", help="the service's Unix socket")
    where.add_argument("--address", help="HOST:PORT")
    options = parser.parse_args()
    with bidprice.channel(options.socket, options.address) as channel:
        try:
            sys.exit(0 if serving(channel) else 1)
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}", file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
