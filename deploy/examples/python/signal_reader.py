"""Reads homecoming's signals and says, for each, what is to be done."""

import json
import os
import signal
import sys
from collections import OrderedDict
from pathlib import Path

from confluent_kafka import Consumer, KafkaException
from jsonschema import Draft202012Validator, ValidationError

# How many handled event ids are remembered.
REMEMBERED = 100_000

# By which channels an action may reach a customer, the best first.
CHANNELS = {"call": ["phone"], "win_back_offer": ["email", "sms", "post"]}

# What is done in the house: nobody is written to, so nobody is asked.
IN_THE_HOUSE = {"resolve_ticket": "at the support desk", "thank_you": "in the parcel"}


def decide(told):
    """What to do about a valid signal."""
    action = told["action"]
    if action is None:
        return "leave: nothing to do"
    if told.get("arm") == "holdout":
        return "leave: holdout"
    if action in IN_THE_HOUSE:
        return f"{action} {IN_THE_HOUSE[action]}"
    allowed = told.get("contact_channels", [])
    for channel in CHANNELS.get(action, []):
        if channel in allowed:
            return f"{action} by {channel}"
    return "leave: no consent"


class Handled:
    """The latest event ids."""

    def __init__(self):
        self._ids = OrderedDict()

    def __contains__(self, event_id):
        return event_id in self._ids

    def add(self, event_id):
        self._ids[event_id] = None
        if len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)


class Reader:
    def __init__(self, schemas):
        self._schemas = schemas
        self._handled = Handled()

    def handle(self, message):
        told = self._parsed(message)
        if told is None:
            print("-\tleave: breaks the schema", flush=True)
            return
        event_id = told["event_id"]
        if event_id in self._handled:
            print(f"{event_id}\tleave: handled before", flush=True)
            return
        # Your work goes here. When it fails, raise: the signal is delivered again.
        print(f"{event_id}\t{decide(told)}", flush=True)
        self._handled.add(event_id)

    def _parsed(self, message):
        try:
            told = json.loads(message.value() or b"")
            self._schemas[message.topic()].validate(told)
            return told
        except ValueError:
            reason = "no JSON"
        except ValidationError as error:
            reason = f"{error.json_path}, {error.validator}"
        # The place and the rule, not the content: a log is no place for customers.
        place = f"{message.topic()} [{message.partition()}] at offset {message.offset()}"
        print(f"{place} breaks the schema: {reason}", file=sys.stderr)
        return None


def validator(path):
    return Draft202012Validator(json.loads(path.read_text()), format_checker=Draft202012Validator.FORMAT_CHECKER)


def main():
    schemas = Path(os.environ.get("SCHEMAS", "schemas"))
    by_topic = {
        os.environ.get("RETURNING_CUSTOMERS", "returning-customers"): validator(
            schemas / "returning_customer.schema.json"
        ),
        os.environ.get("CHURN_RISK", "churn-risk"): validator(schemas / "churn_risk.schema.json"),
    }
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ.get("BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
            "group.id": os.environ.get("GROUP_ID", "signal-reader"),
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            # Stored when handled; what is stored is committed every 5 s, on a rebalance and at the end.
            "enable.auto.offset.store": False,
        }
    )
    stopping = False

    def stop(_number, _frame):
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    reader = Reader(by_topic)
    try:
        consumer.subscribe(list(by_topic))
        while not stopping:
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error():
                # Brokers that are away come back, and librdkafka sees to that by itself.
                if message.error().fatal():
                    raise KafkaException(message.error())
                print(message.error(), file=sys.stderr)
                continue
            reader.handle(message)
            consumer.store_offsets(message=message)
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
