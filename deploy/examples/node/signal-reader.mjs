// Reads homecoming's signals and says, for each, what is to be done.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import confluent from '@confluentinc/kafka-javascript'
import Ajv from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

const { Kafka, logLevel } = confluent.KafkaJS

// How many handled event ids are remembered.
const REMEMBERED = 100_000

// By which channels an action may reach a customer, the best first.
const CHANNELS = { call: ['phone'], win_back_offer: ['email', 'sms', 'post'] }

// What is done in the house: nobody is written to, so nobody is asked.
const IN_THE_HOUSE = { resolve_ticket: 'at the support desk', thank_you: 'in the parcel' }

/** What to do about a valid signal. */
function decide({ action, arm, contact_channels: allowed = [] }) {
  if (action === null) return 'leave: nothing to do'
  if (arm === 'holdout') return 'leave: holdout'
  if (action in IN_THE_HOUSE) return `${action} ${IN_THE_HOUSE[action]}`
  const channel = (CHANNELS[action] ?? []).find(channel => allowed.includes(channel))
  return channel ? `${action} by ${channel}` : 'leave: no consent'
}

/** The latest event ids: a Set keeps the order in which they came. */
class Handled {
  #ids = new Set()

  has(id) {
    return this.#ids.has(id)
  }

  add(id) {
    this.#ids.add(id)
    if (this.#ids.size > REMEMBERED) this.#ids.delete(this.#ids.values().next().value)
  }
}

const schemas = process.env.SCHEMAS ?? 'schemas'
// Rust's uint32 is no format that JSON Schema knows.
const ajv = addFormats(new Ajv({ allowUnionTypes: true, formats: { uint32: true } }))
const validator = name => ajv.compile(JSON.parse(readFileSync(join(schemas, name), 'utf8')))
const validators = new Map([
  [process.env.RETURNING_CUSTOMERS ?? 'returning-customers', validator('returning_customer.schema.json')],
  [process.env.CHURN_RISK ?? 'churn-risk', validator('churn_risk.schema.json')]
])
const handled = new Handled()

/** A valid signal, or nothing and a complaint. */
function parse(topic, partition, { offset, value }) {
  let reason = 'no JSON'
  try {
    const told = JSON.parse(value?.toString() ?? '')
    const isValid = validators.get(topic)
    if (isValid(told)) return told
    reason = isValid.errors.map(error => `${error.instancePath || '/'}, ${error.keyword}`).join('; ')
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  // The place and the rule, not the content: a log is no place for customers.
  console.error(`${topic} [${partition}] at offset ${offset} breaks the schema: ${reason}`)
}

async function handle({ topic, partition, message }) {
  const told = parse(topic, partition, message)
  if (!told) {
    console.log('-\tleave: breaks the schema')
  } else if (handled.has(told.event_id)) {
    console.log(`${told.event_id}\tleave: handled before`)
  } else {
    // Your work goes here. When it fails, throw: the signal is delivered again.
    console.log(`${told.event_id}\t${decide(told)}`)
    handled.add(told.event_id)
  }
}

const brokers = (process.env.BOOTSTRAP_SERVERS ?? '127.0.0.1:9092').split(',')
// Below a warning the client writes to standard output.
const kafka = new Kafka({ kafkaJS: { brokers, logLevel: logLevel.WARN } })
const consumer = kafka.consumer({
  'group.id': process.env.GROUP_ID ?? 'signal-reader',
  'isolation.level': 'read_committed',
  'auto.offset.reset': 'earliest',
  'partition.assignment.strategy': 'cooperative-sticky'
})

for (const signal of ['SIGTERM', 'SIGINT']) {
  // Waits for the signal at hand, commits, and leaves the group.
  process.once(signal, () => consumer.disconnect())
}

await consumer.connect()
await consumer.subscribe({ topics: [...validators.keys()] })
// What was handled is committed every 5 s, on a rebalance and at the end.
await consumer.run({ eachMessage: handle })
