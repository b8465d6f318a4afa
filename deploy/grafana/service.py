"""The dashboard for who runs it: is it well, is it on time, do transactions go through, is the state whole?"""

from machinery import EVENTS, SOURCES, process, records, state, transactions
from panels import (
    ALERTS,
    BAD,
    COUNT,
    FIRST,
    GOOD,
    GREY,
    PER_SECOND,
    SECOND,
    SHARE,
    WATCH,
    WHOLE,
    annotation,
    by_name,
    dashboard,
    divided,
    graph,
    heatmap,
    levels,
    of_homecoming,
    per_second,
    quantile,
    query,
    rows,
    series,
    stat,
    table,
    total,
)

EVENTS_PER_SECOND = "eps"
END_TO_END = "homecoming_end_to_end_seconds"
LAG_SECONDS, LAG_RECORDS = series("homecoming_lag_seconds"), series("homecoming_lag_records")
WATERMARK_DELAY = f"time() - {series('homecoming_watermark_seconds')}"
ABORTED = divided(
    per_second("homecoming_commits_total", 'outcome="aborted"'),
    per_second("homecoming_commits_total", 'outcome=~"committed|aborted"'),
)


def glance():
    yield [
        (
            1,
            4,
            4,
            stat(
                "Events",
                "Events read per second, whatever became of them.",
                EVENTS_PER_SECOND,
                total(EVENTS),
                FIRST,
            ),
        ),
        (
            2,
            4,
            4,
            stat(
                "Lag",
                "How long ago what the slowest partition takes in now was written; 0 at the end of all inputs. Yellow"
                " from 30 s, red from 2 min.",
                "s",
                f"max({LAG_SECONDS})",
                thresholds=levels((GOOD, None), (WATCH, 30), (BAD, 120)),
            ),
        ),
        (
            3,
            4,
            4,
            stat(
                "End to end, p99",
                "99 of 100 signals are committed faster than this after the record that caused them was written. Yellow"
                " from 1 s, red from 10 s.",
                "s",
                quantile(0.99, END_TO_END),
                thresholds=levels((GOOD, None), (WATCH, 1), (BAD, 10)),
            ),
        ),
        (
            4,
            4,
            4,
            stat(
                "Transactions dropped",
                "Of the transactions that ended, the share that was dropped; their input is read again. Red from 10 %.",
                SHARE,
                ABORTED,
                thresholds=levels((GOOD, None), (WATCH, 0.01), (BAD, 0.1)),
                decimals=1,
            ),
        ),
        (
            5,
            4,
            4,
            stat(
                "Left to restore",
                "State records still to be read before the assigned partitions are worked. 0: everything is restored.",
                COUNT,
                total(series("homecoming_restore_remaining_records")),
                thresholds=levels((GOOD, None), (FIRST, 1)),
            ),
        ),
        (
            6,
            4,
            4,
            stat(
                "Partitions",
                "Partitions that the chosen instances hold. Over all instances of a group this is the number of"
                " partitions of the input topics; less means that some are worked by nobody.",
                WHOLE,
                total(series("homecoming_partitions_assigned")),
                FIRST,
            ),
        ),
    ]
    hidden = {"Time": True, "Value": True, "__name__": True}
    order = {"alertname": 0, "severity": 1, "alertstate": 2}
    yield [
        (
            7,
            24,
            5,
            table(
                "Alerts, pending and firing",
                "What Prometheus finds wrong now, of this job. Empty is good, provided that Prometheus has loaded"
                " alerts.yaml.",
                "none",
                rows(ALERTS + "}"),
                [{"id": "organize", "options": {"excludeByName": hidden, "indexByName": order, "renameByName": {}}}],
                [by_name("alertname", **{"custom.width": 320})],
            ),
        ),
    ]


def on_time():
    yield [
        (
            11,
            8,
            8,
            graph(
                "Lag in seconds",
                "How long ago what the slowest partition of each input takes in now was written; 0 at its end. It grows"
                " by a second a second where records are left and none is taken in.",
                "s",
                [query(f"max by (source) ({LAG_SECONDS})", "{{source}}")],
                colors=SOURCES,
                latest=True,
            ),
        ),
        (
            12,
            8,
            8,
            graph(
                "Lag in records",
                "Records of each input that are not yet worked. Records that stay while nothing is taken in: look for"
                " an open transaction of whoever writes there.",
                COUNT,
                [query(total(LAG_RECORDS, "source"), "{{source}}")],
                colors=SOURCES,
                latest=True,
            ),
        ),
        (
            13,
            8,
            8,
            graph(
                "Watermark delay",
                "How far the event time of the partitions is behind the wall clock: the slowest and the fastest of"
                " them. Never much below the allowed lateness (1 hour unless configured); large while history is"
                " being read.",
                "s",
                [query(f"max({WATERMARK_DELAY})", "slowest"), query(f"min({WATERMARK_DELAY})", "fastest")],
                colors={"slowest": WATCH, "fastest": GOOD},
                least=None,
                latest=True,
            ),
        ),
    ]
    yield [
        (
            14,
            16,
            9,
            heatmap(
                "End to end, from the record to its signal",
                "How many signals a second took how long, from the writing of the record that caused them to their"
                " commit. Darker or brighter is more.",
                "s",
                END_TO_END,
            ),
        ),
        (
            15,
            8,
            9,
            graph(
                "End to end: half, and 99 of 100",
                "Half of the signals are committed faster than p50, 99 of 100 faster than p99.",
                "s",
                [query(quantile(q, END_TO_END), name) for q, name in ((0.5, "p50"), (0.99, "p99"))],
                colors={"p50": GOOD, "p99": WATCH},
                latest=True,
            ),
        ),
    ]
    yield [
        (
            16,
            8,
            7,
            graph(
                "Events by outcome",
                "applied; duplicate (seen before, counted once); late and too_late (behind the partition's time,"
                " too_late beyond the 460 days that are kept by day); rejected (dead-lettered).",
                EVENTS_PER_SECOND,
                [query(total(EVENTS, "outcome"), "{{outcome}}")],
                colors={"applied": GOOD, "duplicate": FIRST, "late": WATCH, "too_late": SECOND, "rejected": BAD},
                stacked=True,
            ),
        ),
        (
            17,
            8,
            7,
            graph(
                "Idle inputs",
                "Inputs of partitions that are idle: read to their end, with nothing new for a while. They hold"
                " nobody's time.",
                WHOLE,
                [query(total(series("homecoming_input_idle"), "source"), "{{source}}")],
                colors=SOURCES,
            ),
        ),
        (
            18,
            8,
            7,
            graph(
                "Moments that came",
                "Left: customers whose next moment (a level is crossed, a horizon ends) is awaited. Right: how many"
                " came, per second.",
                COUNT,
                [
                    query(total(series("homecoming_timers_pending")), "awaited"),
                    query(total(per_second("homecoming_timers_fired_total")), "came"),
                ],
                colors={"awaited": GREY, "came": FIRST},
                overrides=[by_name("came", unit=PER_SECOND, **{"custom.axisPlacement": "right"})],
            ),
        ),
    ]


def annotations():
    moved = f"changes({series('homecoming_partitions_assigned')}[$__rate_interval]) > 0"
    yield annotation("Partitions moved", moved, "Partitions moved", SECOND)
    started = f"changes({series('process_start_time_seconds')}[$__rate_interval]) > 0"
    yield annotation("Restart", of_homecoming(started), "Restarted", GREY)


def build(links, runbooks):
    return dashboard(
        "homecoming-service",
        "homecoming: Service",
        "Is homecoming well, and on time?",
        [
            ("Is it well?", glance()),
            ("Is it on time?", on_time()),
            ("Transactions", transactions()),
            ("State and partitions", state()),
            ("Records that can't be used, and truths", records()),
            ("Process", process()),
        ],
        annotations=annotations(),
        links=links,
        runbooks=runbooks,
        other=("homecoming-retention", "Retention"),
        span="now-3h",
    )
