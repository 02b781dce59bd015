"""A client of bidprice.v1.Pricing that needs no generated code: it asks the service for its messages (reflection)."""

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVICE = "bidprice.v1.Pricing"


def channel(socket=None, address=None, tls=None):
    """A channel to a Unix socket, or to HOST:PORT, with (ca, certificate, key) in PEM bytes for mutual TLS."""
    if socket:
        # A socket has no name that could stand in `:authority`.
        options = [("grpc.default_authority", "localhost")]
        return grpc.insecure_channel(f"unix:{socket}", options=options)
    if tls:
        ca, certificate, key = tls
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, certificate))
    return grpc.insecure_channel(address)


class Pricing:
    """Every call of the service, as a method in snake_case that takes and returns its messages."""

    def __init__(self, channel, service=SERVICE):
        self.database = ProtoReflectionDescriptorDatabase(channel)
        self.pool = DescriptorPool(self.database)
        descriptor = self.pool.FindServiceByName(service)
        for method in descriptor.methods:
            streams = bool(getattr(method, "client_streaming", False))
            make = channel.stream_stream if streams else channel.unary_unary
            call = make(
                f"/{service}/{method.name}",
                request_serializer=GetMessageClass(method.input_type).SerializeToString,
                response_deserializer=GetMessageClass(method.output_type).FromString,
            )
            name = "".join(f"_{c.lower()}" if c.isupper() else c for c in method.name).lstrip("_")
            setattr(self, name, call)

    def message(self, name, **fields):
        """A message by its full name, or by its name in the service's package."""
        full = name if "." in name else f"bidprice.v1.{name}"
        return GetMessageClass(self.pool.FindMessageTypeByName(full))(**fields)

    def services(self):
        """The names of all services."""
        return sorted(self.database.get_services())

    def price(self, text, owner="", already_reserved=False, timeout=5):
        """Quotes an order given as text: an SDL, a group spec, or a bid price script's request."""
        request = self.message(
            "QuoteRequest",
            order=self.message("Order", text=text),
            owner=owner,
            already_reserved=already_reserved,
        )
        # A deadline always: without one a call waits for ever.
        return self.quote(request, timeout=timeout)


def decision(pricing, quote):
    """`bid`, `decline` or `fault`."""
    values = pricing.pool.FindEnumTypeByName("bidprice.v1.Decision").values_by_number
    return values[quote.decision].name.removeprefix("DECISION_").lower()
