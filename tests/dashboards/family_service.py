"""The machine's metrics of the made-up shop: what this process did since its start, and how its partitions stand."""

from families import family
from moving import MINUTE, counted, wave

SOURCES = {"purchases": 210.0, "support": 34.0, "contacts": 22.0}  # events a second, over both instances
OUTCOMES = {"applied": 0.953, "late": 0.021, "too_late": 0.0004, "duplicate": 0.0254, "rejected": 0.0002}
CODES = {
    "too_large": 0.0,
    "empty_value": 0.0,
    "invalid_json": 0.0,
    "not_an_object": 0.0,
    "missing_field": 0.3,
    "unknown_type": 0.0,
    "invalid_field": 0.6,
    "key_mismatch": 0.0,
    "future_timestamp": 0.1,
}
SIGNALS = {  # an hour
    "returning_customer": {"second_purchase": 11.0, "repeat": 26.0, "reactivated": 6.0},
    "churn_risk": {"raised": 31.0, "changed": 24.0, "cleared": 19.0},
}
COMMITS_A_SECOND = 9.5


def counter(name, help_text):
    return family(f"homecoming_{name}", "counter", help_text)


def gauge(name, help_text):
    return family(f"homecoming_{name}", "gauge", help_text)


def done(key, instance, at, per_second):
    """What this instance did of something since its start; while it restores, nothing."""
    paused = min(instance.since_start(at), 90.0) if instance.place == 1 and at >= instance.started else 0.0
    seconds = max(0.0, instance.since_start(at) - paused)
    return int(counted((key, instance.place), per_second * instance.share, seconds))


@family("homecoming_signals_total", "counter", "Signals sent and committed.", is_of_shop=True)
def _(instance, at):
    for kind, signals in SIGNALS.items():
        for name, per_hour in signals.items():
            yield {"type": kind, "kind": name}, done((kind, name), instance, at, per_hour / 3600)


@counter("events_total", "Records taken from the inputs, by what became of them.")
def _(instance, at):
    for source, pace in SOURCES.items():
        for outcome, part in OUTCOMES.items():
            yield {"source": source, "outcome": outcome}, done((source, outcome), instance, at, pace * part)


@counter("dead_letters_total", "Records that could not be used, by reason.")
def _(instance, at):
    for code, part in CODES.items():
        yield {"code": code}, done(("dead", code), instance, at, sum(SOURCES.values()) * OUTCOMES["rejected"] * part)


@counter("misplaced_records_total", "Records on a partition where murmur2 would not put their key.")
def _(instance, at):
    for source in SOURCES:
        yield {"source": source}, 0


@counter("invariant_failures_total", "Times that something which always holds did not: must be 0.")
def _(instance, at):
    for invariant in ("offsets_agree", "counts_add_up", "offsets_rise"):
        yield {"invariant": invariant}, 0


@counter("timers_fired_total", "Moments of customers that came, and were committed.")
def _(instance, at):
    yield {}, done("timers", instance, at, 11.0)


@counter("rebalances_total", "Times the group gave partitions to a thread of this process.")
def _(instance, at):
    other_restarted = 2 if instance.place == 0 and at >= instance.epoch - 55 * MINUTE else 0
    yield {}, 2 + other_restarted


@counter("restored_records_total", "Changelog records read while restoring.")
def _(instance, at):
    yield {}, 0 if instance.is_restoring(at) else round(68_000 * instance.share)


def spread(bounds, shares):
    """Cumulative shares, one a bucket, and the sum of one observation in the middle of its bucket."""
    below, middle, total, reached = 0.0, 0.0, [], 0.0
    for bound, share in zip(bounds, shares):
        reached += share
        middle += share * (below + bound) / 2
        total.append(reached)
        below = bound
    return total, middle


def histogram(bounds, shapes):
    """(cumulative buckets, sum) of several shapes at once: each (how many, its shares by bucket)."""
    counts, total = [0.0] * len(bounds), 0.0
    for many, shares in shapes:
        reached, middle = spread(bounds, shares)
        counts = [count + many * part for count, part in zip(counts, reached)]
        total += many * middle
    every = round(sum(many for many, _ in shapes))
    names = [f"{bound:g}" for bound in bounds]
    return [*zip(names, (min(every, int(count + 1e-6)) for count in counts)), ("+Inf", every)], total


STOOD_STILL = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


@family(
    "homecoming_partition_stood_still_seconds",
    "histogram",
    "From a partition being taken back to its being at work here again, where its state was kept.",
)
def _(instance, at):
    moved = 6 if instance.place == 0 and at >= instance.epoch - 55 * MINUTE else 0
    yield {}, histogram(STOOD_STILL, [(moved, (0, 0.3, 0.5, 0.2, 0, 0, 0, 0, 0, 0, 0, 0, 0))])


@counter("troubles_total", "Calls to the brokers that failed and were tried again.")
def _(instance, at):
    yield {}, int(60 * instance.trouble(at))


COMMIT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0)
PHASES = {
    "drain": (0.02, 0.23, 0.42, 0.22, 0.08, 0.03),
    "offsets": (0.01, 0.34, 0.47, 0.14, 0.03, 0.01),
    "end": (0.0, 0.05, 0.38, 0.41, 0.12, 0.04),
}
SLOW_COMMIT = (0, 0, 0, 0, 0, 0, 0, 0.1, 0.5, 0.3, 0.1, 0, 0, 0)


@family(
    "homecoming_commit_duration_seconds",
    "histogram",
    "Duration of a transaction's commit, by phase: drain, offsets, end.",
)
def _(instance, at):
    commits, slow = committed(instance, at), int(200 * instance.trouble(at))
    for phase, shares in PHASES.items():
        shares = [*shares, *[0] * (len(COMMIT) - len(shares))]
        yield {"phase": phase}, histogram(COMMIT, [(commits - slow, shares), (slow, SLOW_COMMIT)])


def committed(instance, at):
    return done("commits", instance, at, COMMITS_A_SECOND) + 220


@counter("commits_total", "Transactions, by how they ended.")
def _(instance, at):
    yield {"outcome": "committed"}, committed(instance, at)
    yield {"outcome": "aborted"}, int(46 * instance.trouble(at))
    yield {"outcome": "unknown"}, int(2 * instance.trouble(at))


@counter("aborts_total", "Transactions that were dropped, by cause.")
def _(instance, at):
    trouble = int(46 * instance.trouble(at))
    for cause, many in (("passing", trouble - trouble // 9), ("refused", 0), ("producer", trouble // 9), ("lost", 0)):
        yield {"cause": cause}, many


@gauge("producers_made", "Producers a stream thread has made, the first included: each more is one recycled.")
def _(instance, at):
    for thread in range(2):
        yield {"thread": str(thread)}, 1 + int(2.9 * instance.trouble(at))


@gauge("transaction_open_seconds", "How long ago the transaction was begun that a stream thread has not ended; 0: none.")
def _(instance, at):
    for thread in range(2):
        trouble = 9.0 * instance.trouble(at)
        yield {"thread": str(thread)}, round(0.1 * wave((thread, "open", instance.place), at, MINUTE, 0.9) + trouble, 3)


@counter("thread_busy_seconds_total", "Time a stream thread did anything but wait for records.")
def _(instance, at):
    for thread in range(2):
        yield {"thread": str(thread)}, done(("busy", thread), instance, at, 16) / 100


@family("homecoming_batch_customers", "histogram", "Customers changed by one transaction.")
def _(instance, at):
    bounds = (1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0)
    yield {}, histogram(bounds, [(committed(instance, at), (0.04, 0.31, 0.62, 0.03, 0, 0))])


END_TO_END = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
QUICK = (0.01, 0.06, 0.18, 0.27, 0.24, 0.17, 0.05, 0.015, 0.005)
BUSY = (0, 0.01, 0.04, 0.1, 0.2, 0.3, 0.2, 0.1, 0.05)
LATE = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0.05, 0.25, 0.4, 0.25, 0.05)


@family(
    "homecoming_end_to_end_seconds",
    "histogram",
    "From the writing of the record that caused a signal to the signal's commit.",
)
def _(instance, at):
    signals = sum(done(("e2e", kind), instance, at, pace) for kind, pace in (("quick", 22.0), ("more", 6.0)))
    busy, late = done("busy", instance, at, 7.0), int(1500 * instance.trouble(at))
    shapes = ((signals, QUICK), (busy, BUSY), (late, LATE))
    yield {}, histogram(END_TO_END, [(many, padded(shape)) for many, shape in shapes])


def padded(shares):
    return [*shares, *[0] * (len(END_TO_END) - len(shares))]


@gauge("partitions_assigned", "Partitions this process holds.")
def _(instance, at):
    yield {}, len(instance.partitions)


@gauge("replicas_needed", "Instances like this one that its partitions need: add up over instances and round up.")
def _(instance, at):
    yield {}, 0.4 * instance.share * wave(("needed", instance.place), at, 180 * MINUTE, 0.2)


@gauge("timers_pending", "Customers whose next moment is awaited.")
def _(instance, at):
    yield {}, round(50_000 * instance.share * 0.97 * wave(("timers", instance.place), at, 180 * MINUTE, 0.002))


def inputs(instance):
    for source in SOURCES:
        for partition in instance.partitions:
            yield source, partition


def behind(instance, source, partition, at):
    """(records, seconds) that an input is behind: next to nothing, but after a restart and in trouble."""
    if instance.place == 1 and 0 <= at - instance.started < 4 * MINUTE:
        left = 1 - (at - instance.started) / (4 * MINUTE)
        return round(19_000 * left * SOURCES[source] / 210), 150 * left
    if instance.is_troubled(at):
        late = 6 * MINUTE * instance.trouble(at) * (1 - instance.trouble(at))
        return round(late * SOURCES[source] / 12), late
    ripple = wave((source, partition), at, 7 * MINUTE, 1.0)
    return (round(4 * ripple), 0.02 * ripple) if ripple > 0.75 else (0, 0.0)


@gauge("lag_records", "Records of an input left to read.")
def _(instance, at):
    for source, partition in inputs(instance):
        yield {"source": source, "partition": str(partition)}, behind(instance, source, partition, at)[0]


@gauge("lag_seconds", "How long ago what was last taken in of an input that is behind was written; 0 at its end.")
def _(instance, at):
    for source, partition in inputs(instance):
        yield {"source": source, "partition": str(partition)}, behind(instance, source, partition, at)[1]


@gauge("input_idle", "1 while an input is idle and holds nobody's time.")
def _(instance, at):
    if instance.is_restoring(at):
        return
    for source, partition in inputs(instance):
        quiet = source == "contacts" and wave(("idle", partition), at, 13 * MINUTE, 1.0) < 0.6
        yield {"source": source, "partition": str(partition)}, int(quiet)


@gauge("client_queue_bytes", "Bytes that wait in the Kafka clients of a stream thread to be sent, or to be polled.")
def _(instance, at):
    for thread in range(2):
        for queue, size in (("send", 21_000), ("fetch", 340_000)):
            key = (thread, queue, instance.place)
            yield {"thread": str(thread), "queue": queue}, round(size * wave(key, at, 11 * MINUTE, 0.8))


@gauge("watermark_seconds", "Event time a partition has reached, as Unix time.")
def _(instance, at):
    if instance.is_restoring(at):
        return
    late = behind(instance, "purchases", 0, at)[1]
    for partition in instance.partitions:
        yield {"partition": str(partition)}, at - 3600 - late - 4 * wave(("time", partition), at, 5 * MINUTE, 0.5)


@gauge("restore_remaining_records", "Changelog records left to read.")
def _(instance, at):
    left = 1 - (at - instance.started) / 90.0 if instance.is_restoring(at) else 0.0
    for partition in instance.partitions:
        yield {"partition": str(partition)}, round(5_300 * left)


# --- What the process collector adds --------------------------------------------------------------------------------


@family("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.")
def _(instance, at):
    yield {}, round(counted(("cpu", instance.place), 0.11 * instance.share * 2, instance.since_start(at)), 2)


@family("process_max_fds", "gauge", "Maximum number of open file descriptors.")
def _(instance, at):
    yield {}, 65536


@family("process_open_fds", "gauge", "Number of open file descriptors.")
def _(instance, at):
    yield {}, 61


@family("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.")
def _(instance, at):
    warm = min(1.0, 0.4 + instance.since_start(at) / 400)
    yield {}, round(71e6 * warm * wave(("memory", instance.place), at, 50 * MINUTE, 0.02))


@family("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.")
def _(instance, at):
    yield {}, instance.start(at)


@family("process_threads", "gauge", "Number of OS threads in the process.")
def _(instance, at):
    yield {}, 17


@family("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.")
def _(instance, at):
    yield {}, 1.9e9
