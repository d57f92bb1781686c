// A subscriber of lifecycle events: node subscriber.mjs NATS-URL SUBSCRIPTION.json EVENTS.ndjson
// It writes every event to the file before it confirms it, so that being killed loses none; a reader drops repeats by id.
import { fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { jetstream } from "@nats-io/jetstream";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";

const [url, subscriptionFile, eventsFile] = process.argv.slice(2);
const subscription = JSON.parse(readFileSync(subscriptionFile, "utf8"));
const nc = await connect({
  servers: url,
  authenticator: nkeyAuthenticator(new TextEncoder().encode(subscription.creds)),
  inboxPrefix: subscription.inbox_prefix,
  timeout: 20000,
});
const consumer = await jetstream(nc, { apiPrefix: subscription.api_prefix, timeout: 20000 })
  .consumers.get(subscription.stream, subscription.consumer);
const events = openSync(eventsFile, "a");
for await (const m of await consumer.consume({ max_messages: 50 })) {
  writeSync(events, m.string() + "\n");
  fsyncSync(events);
  m.ack();
}
