"""Prices bids on a decentralised GPU cloud, and tries pricing strategies before they cost money.

``quote_batch`` prices an Arrow record batch of orders, an order a row: with Ray by ``Dataset.map_batches``, with Spark
by ``DataFrame.mapInArrow``. ``simulate`` runs a scenario of ``bidprice simulate``.
"""

from __future__ import annotations

import functools
import json
import os
from typing import Any, Callable, Iterable, Iterator, Optional, Union

import pyarrow as pa

from . import bidprice_native as _native

__all__ = ["Quoter", "map_in_arrow", "quote_batch", "simulate"]
__version__ = _native.__version__

PathLike = Union[str, "os.PathLike[str]"]


class Quoter:
    """Prices orders by one rate card, and on one inventory where one is named.

    Files are read once, when the quoter is made: a worker that prices many batches keeps it. A quoter can be pickled;
    it takes the contents of its files with it, so that workers on other machines need none of them.

    ``rates`` is a rate card (TOML); without it the documented defaults apply, which list no card. ``inventory`` is a
    Cluster or provider Status; without it capacity is not asked, and a request that leaves the model open may come to
    any card that the rate card lists. ``gpu`` is ``real-card`` or ``highest-wildcard``. ``scheduler`` is ``sound`` or
    ``provider``. ``prefer`` is the card model that a request gets which several models fit: ``order`` (that of the first
    node), ``cheapest`` or ``packing``; only the scheduler ``sound`` has the choice. Where the rate
    card decides by where pods start, a Kubernetes 1.34 without a configuration of its own is assumed. ``plugin`` is a
    pricing plugin. ``usd_per_akt`` is what an AKT is worth, as text or an int: a float would not be exact. ``malformed`` says what becomes of rows that are not an order: ``raise`` raises ``ValueError``, and
    ``keep`` answers them with the decision ``malformed``.
    """

    def __init__(
        self,
        rates: Optional[PathLike] = None,
        inventory: Optional[PathLike] = None,
        *,
        usd_per_akt: Union[str, int, None] = None,
        owner: Optional[str] = None,
        denom: str = "uact",
        gpu: str = "real-card",
        scheduler: str = "sound",
        prefer: str = "order",
        plugin: Optional[PathLike] = None,
        malformed: str = "raise",
    ) -> None:
        if isinstance(usd_per_akt, float):
            raise TypeError("usd_per_akt must be text or an int: a float is not exact")
        self._settings = {
            "rates": _text(rates),
            "inventory": _text(inventory),
            "usd_per_akt": None if usd_per_akt is None else str(usd_per_akt),
            "owner": owner,
            "denom": denom,
            "gpu": gpu,
            "scheduler": scheduler,
            "prefer": prefer,
            "plugin": _bytes(plugin),
            "malformed": malformed,
        }
        self._native = _native.Quoter(**self._settings)

    def __call__(self, batch: Union[pa.RecordBatch, pa.Table]) -> Any:
        """Prices each row of a record batch, or of a table."""
        if isinstance(batch, pa.Table):
            batches = [self(part) for part in batch.to_batches()]
            return pa.Table.from_batches(batches, schema=self.schema())
        return self._native.quote(batch)

    def schema(self) -> pa.Schema:
        """The columns of the answer."""
        return self._native.schema()

    def __getstate__(self) -> dict:
        return self._settings

    def __setstate__(self, settings: dict) -> None:
        self._settings = settings
        self._native = _native.Quoter(**settings)


def quote_batch(batch: Union[pa.RecordBatch, pa.Table], *args: Any, **kwargs: Any) -> Any:
    """Prices each row of a record batch or table; the arguments are those of :class:`Quoter`.

    Columns are those of the order files of ``bidprice simulate``: ``order`` (the JSON or SDL text of an order), or flat
    ones such as ``cpu``, ``memory``, ``gpu_units`` and ``gpu``. The files are read at each call: to price many batches,
    make a :class:`Quoter` once.
    """
    return Quoter(*args, **kwargs)(batch)


def map_in_arrow(*args: Any, **kwargs: Any) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function for Spark's ``DataFrame.mapInArrow``; the arguments are those of :class:`Quoter`."""
    return functools.partial(_quote_all, Quoter(*args, **kwargs))


def _quote_all(quoter: Quoter, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield quoter(batch)


def simulate(
    scenario: PathLike,
    *,
    seed: Optional[int] = None,
    threads: Optional[int] = None,
    set: Optional[dict] = None,  # noqa: A002 - the name of the command's option
) -> dict:
    """Runs a scenario file, and answers what ``bidprice simulate --output json`` does.

    ``set`` changes keys of the scenario, as ``--set`` does: ``{"orders.limit": 100}``.
    """
    changes = [(key, json.dumps(value)) for key, value in (set or {}).items()]
    return json.loads(_native.simulate(os.fspath(scenario), seed, threads, changes))


def _text(path: Optional[PathLike]) -> Optional[str]:
    if path is None:
        return None
    with open(path, encoding="utf-8") as file:
        return file.read()


def _bytes(path: Optional[PathLike]) -> Optional[bytes]:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()
