"""Of the dashboard for who runs it: transactions, state, records that could not be used, the process."""

from panels import (
    BAD,
    COUNT,
    FIRST,
    GOOD,
    GREY,
    PER_SECOND,
    SECOND,
    SHARE,
    THIRD,
    WATCH,
    WHOLE,
    by_name,
    dashed,
    divided,
    graph,
    of_homecoming,
    per_hour,
    per_minute,
    per_second,
    quantile,
    query,
    series,
    total,
)

EVENTS = per_second("homecoming_events_total")
STOOD_STILL = series("homecoming_partition_stood_still_seconds_bucket")
SOURCES = {"purchases": FIRST, "support": SECOND, "contacts": THIRD}

PHASES = {"drain": FIRST, "offsets": SECOND, "end": GOOD}


def transactions():
    yield [
        (
            21,
            8,
            8,
            graph(
                "Commit by phase",
                "The three steps of a commit: drain (waiting until the broker has the batch's records), offsets (adding"
                " the input offsets to the transaction), end (ending it). Solid p99, dashed p50.",
                "s",
                [
                    query(quantile(q, "homecoming_commit_duration_seconds", "phase"), f"{{{{phase}}}} {name}")
                    for q, name in ((0.99, "p99"), (0.5, "p50"))
                ],
                colors={f"{phase} {name}": color for phase, color in PHASES.items() for name in ("p99", "p50")},
                overrides=[dashed("/ p50$/")],
            ),
        ),
        (
            22,
            8,
            8,
            graph(
                "Transactions by how they ended",
                "Per second. aborted: nothing of the batch is visible to readers, and it is done again; unknown: the"
                " broker's answer was lost, so it was asked what became of the transaction.",
                PER_SECOND,
                [query(total(per_second("homecoming_commits_total"), "outcome"), "{{outcome}}")],
                colors={"committed": GOOD, "aborted": WATCH, "unknown": BAD},
            ),
        ),
        (
            23,
            8,
            8,
            graph(
                "Why they were dropped, per minute",
                "passing: a call failed that may work when tried again; refused: the brokers refuse this transaction;"
                " producer: the producer was of no use any more; lost: the partitions went to somebody else first.",
                COUNT,
                [query(per_minute("homecoming_aborts_total", "cause"), "{{cause}}")],
                colors={"passing": WATCH, "refused": BAD, "producer": SECOND, "lost": GREY},
                stacked=True,
            ),
        ),
    ]
    yield [
        (
            24,
            6,
            7,
            graph(
                "Customers a transaction",
                "Customers changed by one transaction: larger batches come with lag, and cost each signal time.",
                COUNT,
                [query(quantile(q, "homecoming_batch_customers"), name) for q, name in ((0.5, "p50"), (0.99, "p99"))],
                colors={"p50": GOOD, "p99": WATCH},
            ),
        ),
        (
            25,
            6,
            7,
            graph(
                "Calls tried again, per minute",
                "Calls to the brokers that failed and were tried again. The log says which and why.",
                COUNT,
                [query(per_minute("homecoming_troubles_total", "instance"), "{{instance}}")],
            ),
        ),
        (
            26,
            6,
            7,
            graph(
                "Producers made",
                "Producers that stream threads have made since the start, over all threads of an instance: more than"
                " its threads are recycled ones.",
                WHOLE,
                [query(total(series("homecoming_producers_made"), "instance"), "{{instance}}")],
            ),
        ),
        (
            27,
            6,
            7,
            graph(
                "Oldest open transaction",
                "How long ago the oldest transaction was begun that an instance has not ended: about a commit interval. Until it"
                " ends, readers see no signal written after its first.",
                "s",
                [query(f"max by (instance) ({series('homecoming_transaction_open_seconds')})", "{{instance}}")],
            ),
        ),
    ]


def state():
    yield [
        (
            31,
            8,
            8,
            graph(
                "Restore",
                "Left: state records still to be read. Right: how many were read per second, counted when a partition"
                " is done. An assigned partition is worked once nothing is left.",
                COUNT,
                [
                    query(total(series("homecoming_restore_remaining_records"), "instance"), "{{instance}}, left"),
                    query(total(per_second("homecoming_restored_records_total")), "restored"),
                ],
                colors={"restored": FIRST},
                overrides=[by_name("restored", unit=PER_SECOND, **{"custom.axisPlacement": "right"})],
            ),
        ),
        (
            32,
            8,
            8,
            graph(
                "Partitions by instance",
                "Partitions each instance holds. The height of all together must not change.",
                WHOLE,
                [query(total(series("homecoming_partitions_assigned"), "instance"), "{{instance}}")],
                stacked=True,
            ),
        ),
        (
            33,
            8,
            8,
            graph(
                "Rebalances, per hour",
                "Left: times per hour the group gave partitions to a thread. Right: how long partitions stood still"
                " that came back to an instance, p99 since its start: too rare for a rate.",
                COUNT,
                [
                    query(per_hour("homecoming_rebalances_total"), "rebalances"),
                    query(f"histogram_quantile(0.99, {total(STOOD_STILL, 'le')})", "stood still, p99"),
                ],
                colors={"rebalances": FIRST, "stood still, p99": WATCH},
                overrides=[by_name("stood still, p99", unit="s", **{"custom.axisPlacement": "right"})],
            ),
        ),
    ]


# All nine of Okabe and Ito's, grey for black.
CODES = {
    "too_large": GREY,
    "empty_value": "#999933",
    "invalid_json": BAD,
    "not_an_object": SECOND,
    "missing_field": WATCH,
    "unknown_type": GOOD,
    "invalid_field": FIRST,
    "key_mismatch": "#0072B2",
    "future_timestamp": "#F0E442",
}


def records():
    yield [
        (
            41,
            6,
            8,
            graph(
                "What can't be used",
                "Of the records read of each input, the share that went to the dead-letter topic: they count for no"
                " rate and no signal.",
                SHARE,
                [
                    query(
                        divided(per_second("homecoming_events_total", 'outcome="rejected"'), EVENTS, "source"),
                        "{{source}}",
                    )
                ],
                colors=SOURCES,
                latest=True,
                decimals=2,
            ),
        ),
        (
            44,
            6,
            8,
            graph(
                "Dead letters by code, per minute",
                "Records per minute that could not be used, by the reason that stands in their header error.code.",
                COUNT,
                [query(per_minute("homecoming_dead_letters_total", "code"), "{{code}}")],
                stacked=True,
                colors=CODES,
            ),
        ),
        (
            43,
            6,
            8,
            graph(
                "Where they do not belong, per minute",
                "Records on a partition where murmur2, as Java's producers use it, would not put their key. They are"
                " applied there; a steady stream means that a producer uses another partitioner.",
                COUNT,
                [query(per_minute("homecoming_misplaced_records_total", "source"), "{{source}}")],
                colors=SOURCES,
                soft=1,
            ),
        ),
        (
            42,
            6,
            8,
            graph(
                "Invariants that failed, per hour",
                "offsets_agree, counts_add_up, offsets_rise: what always holds. Anything but 0 puts numbers and signals"
                " in doubt.",
                WHOLE,
                [query(per_hour("homecoming_invariant_failures_total", "invariant"), "{{invariant}}")],
                soft=1,
            ),
        ),
    ]


def process():
    yield [
        (
            51,
            5,
            7,
            graph(
                "Memory",
                "Resident memory of each process: mostly the customers of its partitions.",
                "bytes",
                [query(of_homecoming(series("process_resident_memory_bytes")), "{{instance}}")],
                latest=True,
            ),
        ),
        (
            52,
            5,
            7,
            graph(
                "CPU",
                "CPU cores that each process keeps busy.",
                "suffix: cores",
                [query(of_homecoming(per_second("process_cpu_seconds_total")), "{{instance}}")],
                decimals=2,
                latest=True,
            ),
        ),
        (
            55,
            5,
            7,
            graph(
                "How busy the threads are",
                "Share of the time that the busiest stream thread of each instance did anything but wait for records."
                " At 100 % it is the thread that holds back: more threads, or more instances.",
                SHARE,
                [query(f"max by (instance) ({per_second('homecoming_thread_busy_seconds_total')})", "{{instance}}")],
                most=1,
                latest=True,
            ),
        ),
        (
            53,
            5,
            7,
            graph(
                "Waiting in the Kafka clients",
                "Bytes that wait to be sent, or to be polled, over all stream threads.",
                "bytes",
                [query(total(series("homecoming_client_queue_bytes"), "queue"), "{{queue}}")],
                colors={"send": SECOND, "fetch": FIRST},
                latest=True,
            ),
        ),
        (
            54,
            4,
            7,
            graph(
                "Open files",
                "File descriptors in use, sockets included, of those allowed.",
                SHARE,
                [query(of_homecoming(f"{series('process_open_fds')} / {series('process_max_fds')}"), "{{instance}}")],
                most=1,
            ),
        ),
    ]
