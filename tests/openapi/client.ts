// A client whose every name and type is made from the description, used on the running service.

import assert from "node:assert/strict";

import createClient from "openapi-fetch";

import type { components, paths } from "./api.js";

const base = process.argv[2];
assert(base, "usage: client.js http://127.0.0.1:PORT");
const client = createClient<paths>({ baseUrl: base });

type Signal = components["schemas"]["returning_customer"] | components["schemas"]["churn_risk"];

/** Reads the stream until so many signals have come. */
async function signals(count: number): Promise<{ first: string; all: Signal[] }> {
  const { data: body } = await client.GET("/api/v1/events", { parseAs: "stream" });
  assert(body, "the stream opens");
  const all: Signal[] = [];
  let first = "";
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    rest += decoder.decode(chunk, { stream: true });
    const events = rest.split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      const fields = new Map(event.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
      const name = fields.get("event");
      first ||= fields.get("id") ?? "";
      if (name === "returning_customer" || name === "churn_risk") {
        const signal = JSON.parse(fields.get("data") ?? "") as Signal;
        assert.equal(signal.type, name);
        all.push(signal);
      }
    }
    if (all.length >= count) break;
  }
  return { first, all };
}

const { first, all } = await signals(5);
assert(all.length >= 5, "signals come");
assert.match(first, /^[0-9]+$/);
const signal = all[0];
assert(signal);

const { data: customer, error } = await client.GET("/api/v1/customers/{id}", {
  params: { path: { id: signal.customer_id } },
});
assert(customer, `the customer of a signal is known: ${error?.detail}`);
assert.equal(customer.customer_id, signal.customer_id);
assert(customer.orders > 0 && customer.chance_of_return);

const { error: unknown, response } = await client.GET("/api/v1/customers/{id}", { params: { path: { id: "nobody" } } });
assert.equal(response.status, 404);
assert.equal(unknown?.status, 404);
assert(unknown?.detail);

const { data: rates } = await client.GET("/api/v1/rates");
const retention = rates?.windows["30d"]?.retention;
assert(retention && retention.denominator > 0 && retention.numerator <= retention.denominator);

const { data: pipeline } = await client.GET("/api/v1/pipeline");
assert(pipeline?.ready && pipeline.partitions.length > 0);
assert(pipeline.partitions.every((partition) => partition.inputs.length === 3));

console.log(
  `openapi: ${all.length} signals, ${customer.customer_id} with ${customer.orders} orders, ` +
    `retention ${retention.numerator}/${retention.denominator}, ${pipeline.partitions.length} partitions`,
);
