"""Puts between the signals what a consumer must cope with, and looks at what it has committed.

disturb.py abort            transactions that are aborted, several in a row by one producer and by two at once
disturb.py add              signals again, broken ones, some for the holdout; a plain record ends every partition
disturb.py joined GROUP     fails unless somebody is a member of the group
disturb.py committed GROUP  fails unless the group has committed the end of every partition
"""

import itertools
import json
import os
import sys
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

TOPICS = ("returning-customers", "churn-risk")
BOOTSTRAP = {"bootstrap.servers": os.environ["BOOTSTRAP_SERVERS"]}
WITHIN = 60
# How many signals are said again, in each topic.
REPEATED = 100


def reader(group):
    settings = {"group.id": group, "isolation.level": "read_committed", "enable.auto.commit": False}
    return Consumer(BOOTSTRAP | settings | {"enable.partition.eof": True})


def partitions(consumer):
    topics = consumer.list_topics(timeout=WITHIN).topics
    return [TopicPartition(topic, number) for topic in TOPICS for number in sorted(topics[topic].partitions)]


def example(topic):
    """The valid signal that the schema itself shows, with an id of its own."""
    name = {"returning-customers": "returning_customer", "churn-risk": "churn_risk"}[topic]
    with open(f"{os.environ['SCHEMAS']}/{name}.schema.json", encoding="utf-8") as schema:
        signal = json.load(schema)["examples"][0]
    return signal | {"event_id": str(uuid.uuid4())}


def write(producer, topic, value, partition=-1):
    value = json.dumps(value) if isinstance(value, dict) else value
    producer.produce(topic, key="c-disturbed", value=value, partition=partition)


def finished(producer):
    if producer.flush(WITHIN) != 0:
        raise SystemExit("the broker took not all records")


def abort():
    where = partitions(reader("nobody"))
    producers = []
    for name in ("undecided", "undecided-too"):
        # Records that lie uncompressed, one a batch, and such that lie together.
        settings = {"transactional.id": name, "linger.ms": 20 if producers else 0}
        producers.append(Producer(BOOTSTRAP | settings))
        producers[-1].init_transactions(WITHIN)
    for _ in range(3):
        for producer in producers:
            producer.begin_transaction()
        for place, producer, _ in itertools.product(where, producers, range(5)):
            write(producer, place.topic, example(place.topic), place.partition)
        for producer in producers:
            finished(producer)
            producer.abort_transaction(WITHIN)


def first_signals(place):
    consumer = reader("nobody")
    consumer.assign([TopicPartition(place.topic, place.partition, 0)])
    values = []
    while len(values) < REPEATED // 4:
        message = consumer.poll(WITHIN)
        if message is None:
            raise SystemExit(f"nothing comes from {place.topic} [{place.partition}]")
        if message.error():
            break
        values.append(message.value())
    consumer.close()
    return values


def broken(topic):
    # An id by which `expected.py` knows it.
    signal = example(topic) | {"event_id": f"b0b0b0b0-{str(uuid.uuid4())[9:]}"}
    yield from (None, "", "no json", "[]", "7", '{"event_id":')
    yield signal | {"event_id": "broken"}
    yield signal | {"occurred_at": "yesterday"}
    yield signal | {"kind": "unheard_of"}
    yield {name: value for name, value in signal.items() if name != "action"}
    if topic == "churn-risk":
        yield signal | {"contact_channels": ["fax"]}
        yield signal | {"risk": 1.5}
        yield signal | {"reasons": [{"code": "silence"}]}


def add():
    where = partitions(reader("nobody"))
    # In a transaction, as the service writes: what is committed behind what was aborted must be seen.
    producer = Producer(BOOTSTRAP | {"transactional.id": "decided", "compression.type": "lz4"})
    producer.init_transactions(WITHIN)
    producer.begin_transaction()
    for place in where:
        for value in first_signals(place):
            write(producer, place.topic, value, place.partition)
    for topic in TOPICS:
        for value in broken(topic):
            write(producer, topic, value)
    for action in ("resolve_ticket", "call", "win_back_offer", "thank_you"):
        write(producer, "churn-risk", example("churn-risk") | {"action": action, "arm": "holdout"})
    for action in ("call", "win_back_offer"):
        # It lists no channels: nobody may be written to.
        write(producer, "returning-customers", example("returning-customers") | {"action": action})
    for channels in (["post"], ["phone"], []):
        write(producer, "churn-risk", example("churn-risk") | {"action": "win_back_offer", "contact_channels": channels})
    finished(producer)
    producer.commit_transaction(WITHIN)
    # Behind a transaction lies its marker, over which clients do or do not commit; behind these lies nothing.
    plain = Producer(BOOTSTRAP)
    for place in where:
        write(plain, place.topic, example(place.topic), place.partition)
    finished(plain)


def joined(group):
    # Held until the answer is there: one that is gone answers never.
    admin = AdminClient(BOOTSTRAP)
    asked = admin.describe_consumer_groups([group], request_timeout=WITHIN)
    if not asked[group].result(WITHIN).members:
        raise SystemExit(f"nobody is a member of {group}")


def committed(group):
    consumer = reader(group)
    for place in consumer.committed(partitions(consumer), timeout=WITHIN):
        _, end = consumer.get_watermark_offsets(place, timeout=WITHIN)
        if place.offset != end:
            raise SystemExit(f"{group} committed {place.offset} of {end} in {place.topic} [{place.partition}]")


match sys.argv[1:]:
    case ["abort"]:
        abort()
    case ["add"]:
        add()
    case ["joined", group]:
        joined(group)
    case ["committed", group]:
        committed(group)
    case _:
        raise SystemExit(__doc__)
