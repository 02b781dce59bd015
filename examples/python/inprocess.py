"""Prices an order in this process: inprocess.py LIBRARY CONFIG ORDER. It needs the C library, and no package.

The messages are written and read by hand here. A program with protobuf uses those of pricing.proto.
"""

import ctypes
import sys


class Buffer(ctypes.Structure):
    """bidprice_buffer"""

    _fields_ = [("data", ctypes.POINTER(ctypes.c_ubyte)), ("length", ctypes.c_size_t)]


class Engine:
    """An engine with a configuration file. Any number of threads may ask it."""

    def __init__(self, library, config):
        self.library = ctypes.CDLL(library)
        self.handle = ctypes.c_uint64()
        path, answer = config.encode(), Buffer()
        length, handle = ctypes.c_size_t(len(path)), ctypes.byref(self.handle)
        self._taken(self.library.bidprice_open_file(path, length, handle, ctypes.byref(answer)), answer)

    def quote(self, request, milliseconds=0):
        """The bytes of the QuoteResponse to those of a QuoteRequest."""
        answer, length = Buffer(), ctypes.c_size_t(len(request))
        timeout = ctypes.c_uint32(milliseconds)
        code = self.library.bidprice_quote(self.handle, request, length, timeout, ctypes.byref(answer))
        return self._taken(code, answer)

    def close(self):
        """Lets the calls that are running end."""
        self.library.bidprice_close(self.handle)

    def _taken(self, code, answer):
        taken = ctypes.string_at(answer.data, answer.length) if answer.length else b""
        self.library.bidprice_free(ctypes.byref(answer))
        if code:
            raise RuntimeError(f"code {code}: {taken.decode()}")
        return taken


def varint(number):
    """A number as protobuf writes it."""
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def field(number, content):
    """A field of bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def fields(message):
    """The fields of a message: the last value of each number."""
    found, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte, at = message[at], at + 1
            value, shift = value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(message):
        tag = number()
        value = number()
        if tag & 7 == 2:
            value, at = message[at : at + value], at + value
        found[tag >> 3] = value
    return found


if __name__ == "__main__":
    library, config, order = sys.argv[1:]
    engine = Engine(library, config)
    try:
        with open(order, "rb") as text:
            answer = engine.quote(field(1, field(3, text.read())))
        quote = fields(fields(answer)[1])
        if quote[2] == 1:
            price = fields(quote[3])
            print("bid:", price[2].decode(), price[1].decode())
        else:
            reason = fields(quote[9])
            print(reason[1].decode() + ":", reason[2].decode())
    finally:
        engine.close()
