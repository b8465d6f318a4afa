// The service itself, for the page to be looked at with: `homecoming demo`, or `homecoming run` on a real broker.
import { spawn, spawnSync } from "node:child_process";
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pause, root } from "./browser.mjs";

const program = process.env.HOMECOMING;
const libs = process.env.HOMECOMING_KAFKA_LIBS ?? join(root, ".tools/kafka/libs");

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function until(what, isSo, ms = 60_000) {
  for (const end = Date.now() + ms; Date.now() < end; await pause(100)) {
    try {
      const found = await isSo();
      if (found) return found;
    } catch {
      // Not yet.
    }
  }
  throw new Error(`${what}: not within ${ms} ms`);
}

class Child {
  constructor(log, command, args, environment = {}, input = "ignore") {
    this.log = log;
    this.process = spawn(command, args, { stdio: [input, "pipe", "pipe"], env: { ...process.env, ...environment } });
    const file = createWriteStream(log, { flags: "a" });
    this.process.stdout.pipe(file, { end: false });
    this.process.stderr.pipe(file, { end: false });
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
  }

  async stop(signal = "SIGTERM") {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill(signal);
    await this.ended;
  }
}

export class Demo {
  static async start(more = []) {
    const folder = mkdtempSync(join(tmpdir(), "homecoming-demo-"));
    const port = await freePort();
    const child = new Child(join(folder, "demo.log"), program, ["demo", "--port", String(port), ...more]);
    const url = `http://127.0.0.1:${port}/`;
    await until(`the demo's first customers (${child.log})`, async () => (await (await fetch(`${url}api/v1/rates`)).json()).ever.customers > 100);
    return Object.assign(new Demo(), { folder, url, child });
  }

  async stop() {
    await this.child.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const java = (...args) => javaOf("1g", ...args);
const javaOf = (most, ...args) => [`-Xmx${most}`, `-Dlog4j2.configurationFile=${join(root, "tests/broker/log4j2.yaml")}`, "-cp", `${libs}/*`, ...args];

/** Kafka's own producer, fed line by line: key, tab, value. */
class Writer {
  #child;

  constructor(log, servers, topic) {
    this.#child = new Child(log, "java", javaOf("128m", "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", servers, "--topic", topic,
      "--property", "parse.key=true", "--producer-property", "linger.ms=5"), {}, "pipe");
  }

  /** Waits while more is written than is taken. */
  async write(key, value) {
    if (!this.#child.process.stdin.write(`${key}\t${value}\n`)) await new Promise((resolve) => this.#child.process.stdin.once("drain", resolve));
  }

  /** Ends once all of it is sent. */
  async stop() {
    this.#child.process.stdin.end();
    await this.#child.ended;
  }
}

/** A broker of its own with the service on it. */
export class OnBroker {
  static async start() {
    const self = Object.assign(new OnBroker(), { folder: mkdtempSync(join(tmpdir(), "homecoming-broker-")), writers: [] });
    const [kafka, controller] = [await freePort(), await freePort()];
    self.kafka = `127.0.0.1:${kafka}`;
    self.port = await freePort();
    self.url = `http://127.0.0.1:${self.port}/`;
    const properties = join(self.folder, "server.properties");
    writeFileSync(properties, `process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:${controller}\n` +
      `listeners=PLAINTEXT://127.0.0.1:${kafka},CONTROLLER://127.0.0.1:${controller}\nadvertised.listeners=PLAINTEXT://127.0.0.1:${kafka}\n` +
      "controller.listener.names=CONTROLLER\nlistener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n" +
      `log.dirs=${join(self.folder, "data")}\n${readFileSync(join(root, "tests/broker/single.properties"), "utf8")}`);
    const id = spawnSync("java", java("kafka.tools.StorageTool", "random-uuid"), { encoding: "utf8" }).stdout.trim().split("\n").at(-1);
    spawnSync("java", java("kafka.tools.StorageTool", "format", "-t", id, "-c", properties));
    self.broker = new Child(join(self.folder, "broker.log"), "java", java("kafka.Kafka", properties));
    self.config = join(self.folder, "homecoming.toml");
    writeFileSync(self.config, `[kafka]\nbootstrap_servers = "${self.kafka}"\ngroup_id = "page"\n[time]\nclock = "events"\n[engine]\nthreads = 2\n[http]\nlisten = "127.0.0.1:${self.port}"\n`);
    await until("the topics", () => spawnSync(program, ["topics", "--config", self.config, "--partitions", "4"]).status === 0, 90_000);
    await self.startService();
    return self;
  }

  async startService(environment) {
    this.service = new Child(join(this.folder, "service.log"), program, ["run", "--config", this.config], environment);
    await until("the service is ready", async () => (await fetch(`${this.url}readyz`)).ok);
  }

  /** A simulated shop's events: all at once, or so many a second. */
  load(events, rate) {
    const more = rate === undefined ? [] : ["--rate", String(rate)];
    this.loading = new Child(join(this.folder, "load.log"), program, ["load", "--config", this.config, "--events", String(events), "--customers", "400", "--seed", "7", ...more]);
    return this.loading.ended;
  }

  /** Writes records of one's own to an input topic. */
  writer(topic) {
    const writer = new Writer(join(this.folder, "writer.log"), this.kafka, topic);
    this.writers.push(writer);
    return writer;
  }

  async stop() {
    await this.loading?.stop();
    for (const writer of this.writers) await writer.stop();
    await this.service.stop();
    await this.broker.stop("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
