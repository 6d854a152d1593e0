"""What a supervisor may know of a running hub, as Prometheus reads it: numbers, and never of whom.

Counters are this process's own; the queue, its lag and what is parked are read from the database and so the same from
every process. Labels are names of profiles and of ours: nothing that a sender writes becomes one.
"""

import asyncio
import time
from bisect import bisect_left
from collections import Counter as Tallied
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.message import Arrival, Kept
from hub.store.alerts import count_open
from hub.store.search import Figures, find_figures

CONTENT_TYPE = CONTENT_TYPE_LATEST
_FRESH_SECONDS = 5.0
"""How long figures out of the database hold: two who scrape at once ask once."""
_FEW = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_NOBODY = "unknown"
"""The label of messages whose source no profile names."""

Keep = Callable[[Arrival], asyncio.Future[Kept]]


class _Arrivals(Collector):
    """What came in and how long keeping took, counted in plain numbers and written out when somebody reads them.

    A sender waits while its message is counted, and the counters of the library take a lock and a list of labels for
    each. Only the loop counts and only the loop reads.
    """

    def __init__(self) -> None:
        self._outcomes: Tallied[tuple[str, str, str]] = Tallied()
        self._within = [0] * (len(_FEW) + 1)
        self._seconds = 0.0

    def count(self, source: str, transport: str, outcome: str, seconds: float) -> None:
        """One message, by the values of its labels."""
        self._outcomes[source, transport, outcome] += 1
        self._within[bisect_left(_FEW, seconds)] += 1
        self._seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """The two families, as they stand."""
        messages = CounterMetricFamily(
            "hub_messages",
            "Messages that came to this process, by what their sender was told: kept, repeated, refused, failed.",
            labels=["source", "transport", "outcome"],
        )
        for labels, count in self._outcomes.items():
            messages.add_metric(labels, count)
        yield messages
        bounds = [*map(str, _FEW), "+Inf"]
        yield HistogramMetricFamily(
            "hub_keep_seconds",
            "From a message's being read to its being committed.",
            buckets=list(zip(bounds, accumulate(self._within), strict=True)),
            sum_value=self._seconds,
        )


class Metrics:
    """Counts what a process does. `sources` are the names of the profiles as they stand."""

    def __init__(self, engine: AsyncEngine, sources: Callable[[], Collection[str]]) -> None:
        self._engine, self._sources = engine, sources
        self._read_at = float("-inf")
        self.registry = CollectorRegistry()
        self._arrivals = _Arrivals()
        self.registry.register(self._arrivals)
        self._batches = Histogram(
            "hub_batch_seconds", "One batch of this worker, merged.", buckets=_FEW, registry=self.registry
        )
        self._settled = Counter("hub_settled", "Messages that this worker settled.", registry=self.registry)
        self._connections = Gauge(
            "hub_mllp_connections", "Open MLLP connections of this process.", registry=self.registry
        )
        self._webhooks = Counter(
            "hub_webhook_attempts",
            "Attempts of this process to tell a receiver of alerts, by how they ended: delivered, failed, given-up.",
            ["outcome"],
            registry=self.registry,
        )
        self._alerts = Gauge("hub_alerts_open", "Alerts that go on.", ["kind"], registry=self.registry)
        self._queue = self._gauge("hub_queue_messages", "Messages that are kept and wait to be merged.")
        self._lag = self._gauge("hub_lag_seconds", "How long the oldest of them has waited.")
        self._parked = self._gauge("hub_parked_messages", "Messages that are parked.")
        self._last = self._gauge("hub_last_message_timestamp_seconds", "When the last message came (Unix time).")

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(name, about, ["source"], registry=self.registry)

    def watching(self, keep: Keep) -> Keep:
        """The same keeping, counted."""

        def watched(arrival: Arrival) -> asyncio.Future[Kept]:
            keeping = keep(arrival)
            keeping.add_done_callback(partial(self._count, arrival, time.perf_counter()))
            return keeping

        return watched

    def _count(self, arrival: Arrival, began: float, keeping: asyncio.Future[Kept]) -> None:
        outcome = "failed"
        if not (keeping.cancelled() or keeping.exception()):
            kept = keeping.result()
            outcome = "repeated" if kept.is_repeat else "refused" if kept.refusal else "kept"
        source = arrival.source if arrival.source in self._sources() else _NOBODY
        self._arrivals.count(source, arrival.transport.value, outcome, time.perf_counter() - began)

    def count_batch(self, settled: int, seconds: float) -> None:
        """A batch of the worker's is done."""
        if settled:
            self._batches.observe(seconds)
            self._settled.inc(settled)

    def count_webhook(self, outcome: str) -> None:
        """A receiver of alerts was told, or was not."""
        self._webhooks.labels(outcome).inc()

    def count_connections(self, count: int) -> None:
        """How many MLLP connections are open."""
        self._connections.set(count)

    async def page(self) -> bytes:
        """The page that Prometheus reads. Where the database is away, what it would tell is left as it was."""
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            self._read_at = time.monotonic()
            names = list(self._sources())
            async with self._engine.connect() as connection:
                self._tell(await find_figures(connection, [*names, ""], datetime.now(UTC)))
                for kind, count in (await count_open(connection)).items():
                    self._alerts.labels(kind.value).set(count)
        return generate_latest(self.registry)

    def _tell(self, figures: Mapping[str, Figures]) -> None:
        for name, one in ((name or _NOBODY, one) for name, one in figures.items()):
            self._queue.labels(name).set(one.queue)
            self._lag.labels(name).set(one.lag.total_seconds())
            self._parked.labels(name).set(one.parked)
            if one.last_at is not None:
                self._last.labels(name).set(one.last_at.timestamp())
