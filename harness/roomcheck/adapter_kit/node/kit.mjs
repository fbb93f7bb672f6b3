/**
 * The author's side of the adapter protocol for Node SDKs: an adapter is this file and one short file of yours.
 *
 * It needs Node 18.19 or newer and nothing else. It translates and never judges: it knows no fault, no schedule and no
 * expectation. The README beside it shows an adapter; kit.d.mts has the types.
 *
 * The main thread runs the SDK. A second thread reads the harness and answers pings, so that a stuck SDK and a dead
 * adapter can be told apart. Both write with a blocking write to one descriptor under one lock, so that what `emit` was
 * told is on the wire when it returns, also if the SDK crashes next; a writer thread that is sent messages would lose it.
 */

import { closeSync, constants, openSync, writeSync } from "node:fs";
import { connect, Socket } from "node:net";
import { Readable } from "node:stream";
import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const PROTOCOL = 1;
const BEAT = 10; // milliseconds between two signs of life of the loop
const RESOLUTION = 1; // milliseconds by which Node's timers are late on an idle machine
const GRACE = 2000; // milliseconds that members get to close, and the program to end, once the harness is gone
const LIMIT = 1 << 20; // bytes of one line, with its end
const RAW_LIMIT = 16_384; // characters of a raw payload that are kept
const MARK = "roomcheck reader";

/** The SDK or its server said no; `fields` say how. This is the room's behaviour and is judged. */
export class Refused extends Error {
  constructor(fields = {}) {
    super(JSON.stringify(fields));
    this.fields = fields;
  }
}

/** The call neither succeeded nor failed, for example a deadline of the SDK passed. */
export class Indefinite extends Refused {}

/** The room has no such operation. */
export class Unsupported extends Error {}

/** Microseconds of the monotonic clock, the harness's own. */
const now = () => Number(process.hrtime.bigint() / 1000n);

/** Register functions, tell callbacks with `emit`, then call `main`. */
export class Adapter {
  /** Microseconds that this run wants, by the names of the spec's constants, for SDKs whose timers can be set. */
  constants = JSON.parse(process.env.ROOMCHECK_CONSTANTS || "{}");
  language = `node ${process.version}`;
  #operations = new Map();
  #admin = new Map();
  #open;
  #close;
  #state;
  #ready;
  #settle;
  #members = new Map(); // what `open` gave, by the member's name
  #queues = new Map(); // the end of each member's last request: those of one member run in order
  #numbers = new Map();
  #closed = new Set();
  #lost = new Map(); // the first callback of a member that could not be told
  #shared = new SharedArrayBuffer(32);
  #write;

  constructor(name, version, { endpoints = ["room"], capabilities = {} } = {}) {
    Object.assign(this, { name, version, endpoints, capabilities });
  }

  /** `f(member, {user, endpoints, credentials, options})`: the other functions get what it returns. */
  open(f) {
    this.#open = f;
  }

  /** `f(me)`: it ends the client; nothing of it may be left. */
  close(f) {
    this.#close = f;
  }

  /** `f(me)`: the SDK's own view of its state, as an object. */
  state(f) {
    this.#state = f;
  }

  /** `f(me, args)`: one call of a member, named as the spec names it. */
  operation(name, f) {
    this.#operations.set(name, f);
  }

  /** `f(args, endpoints)`: one act of the backend, named as the spec names it. */
  admin(name, f) {
    this.#admin.set(name, f);
  }

  /** `f()`: what must be done before hello is answered; the adapter's name and operations may be known only then. */
  ready(f) {
    this.#ready = f;
  }

  /** `f(me)`: resolves when every callback that had fired at this member was told, where that takes more than a turn. */
  settle(f) {
    this.#settle = f;
  }

  /** Callbacks of this program were so many microseconds late: the next ping tells the worst. */
  late(microseconds) {
    const beat = new BigInt64Array(this.#shared, 8, 2);
    if (BigInt(microseconds) > Atomics.load(beat, 1)) Atomics.store(beat, 1, BigInt(microseconds));
  }

  /**
   * Tell a callback, as the first statement of the SDK's callback; after the member was closed it does nothing.
   * Throws for an unknown member and for `fields` that are not JSON or too long; the next barrier tells the harness too.
   * `at` is for who was told of it by another program: its `time`, and by how much it may have been earlier (`spread`).
   */
  emit(member, callback, fields = {}, raw = undefined, at = { time: now() }) {
    if (this.#closed.has(member)) return;
    if (!this.#numbers.has(member)) {
      throw new RangeError(`emit for '${member}', which was never opened; use the name that open was given`);
    }
    const n = this.#numbers.get(member) + 1;
    try {
      this.#say({ type: "event", member, n, ...at, callback, fields: plain(fields), raw: shortened(raw) });
    } catch (e) {
      const story = `callback '${callback}' of ${member} could not be written: ${e.message}`;
      if (!this.#lost.has(member)) this.#lost.set(member, story);
      throw e;
    }
    this.#numbers.set(member, n);
  }

  /** Leave a line in the case's log. */
  log(text) {
    this.#say({ type: "log", text });
  }

  /**
   * Serve until the harness says bye or is gone; then the process ends.
   *
   * Speaks on stdin and stdout, or dials ROOMCHECK_DIAL with ROOMCHECK_TOKEN; `argv` may give the same as
   * `--dial host:port --token text`. From here on stdout belongs to the protocol and prints go to stderr.
   */
  main(argv = []) {
    const text = { type: "string" };
    const { values } = parseArgs({ args: argv, options: { dial: text, token: text } });
    const dial = values.dial ?? process.env.ROOMCHECK_DIAL;
    const token = values.token ?? process.env.ROOMCHECK_TOKEN ?? "";
    const streams = dial ? { dial, token } : standardStreams();
    const shared = this.#shared;
    if (!dial) this.#write = writer(streams.out, shared);
    this.#keepBeat();
    const reader = new Worker(new URL(import.meta.url), {
      workerData: { [MARK]: { ...streams, shared } },
      execArgv: [],
      stdin: false,
    });
    reader.on("message", (message) => {
      if (message.type === "connected") this.#write = writer(message.fd, shared);
      else if (message.type === "over") this.#leave();
      else this.#handle(message);
    });
  }

  #keepBeat() {
    const beat = new BigInt64Array(this.#shared, 8, 2); // when it last beat, and the worst lateness since the last ping
    const tick = () => {
      const last = Atomics.exchange(beat, 0, BigInt(now()));
      const late = beat[0] - last - BigInt((BEAT + RESOLUTION) * 1000);
      if (late > beat[1]) Atomics.store(beat, 1, late);
    };
    Atomics.store(beat, 0, BigInt(now()));
    setInterval(tick, BEAT);
  }

  #say(message) {
    if (!this.#write) throw new Error("there is no harness yet: call main() first");
    this.#write(line(message));
  }

  #answer(id, status, fields) {
    this.#say({ id, type: "result", status, fields, time: now() });
  }

  async #handle(message) {
    const { id, type } = message;
    try {
      const fields = (await this.#do(message)) ?? {};
      if (!isPlain(fields)) throw new TypeError(`${what(message)} returned ${fields}; return nothing or {field: value}`);
      this.#answer(id, "ok", plain(fields));
    } catch (e) {
      this.#answerThrown(id, e);
    }
    if (type === "bye") this.#leave();
  }

  #answerThrown(id, e) {
    try {
      if (e instanceof Indefinite) return this.#answer(id, "indefinite", plain(e.fields));
      if (e instanceof Refused) return this.#answer(id, "refused", plain(e.fields));
      if (e instanceof Unsupported) return this.#answer(id, "unsupported", { what: e.message });
    } catch (unfit) {
      e = unfit;
    }
    console.error(e); // whatever the SDK throws is reported, with its story on stderr
    this.#answer(id, "adapter-error", { error: e instanceof Error ? `${e.name}: ${e.message}` : String(e) });
  }

  #do(message) {
    switch (message.type) {
      case "hello":
        return this.#hello(message);
      case "begin":
      case "end":
      case "bye":
        return undefined;
      case "barrier":
        return this.#barrier(message);
      case "admin":
        return known(this.#admin, message)(message.arguments ?? {}, message.endpoints ?? {});
      case "open":
      case "call":
      case "state":
      case "close":
        return this.#inTurn(message);
      default:
        throw new Unsupported(message.type);
    }
  }

  async #hello({ protocol: [low, high], constants: wanted = {} }) {
    if (PROTOCOL < low || PROTOCOL > high) {
      throw new Error(`this kit speaks version ${PROTOCOL} of the protocol, the harness ${low} to ${high}`);
    }
    Object.assign(this.constants, wanted);
    await this.#ready?.();
    const { name, version, language, endpoints, capabilities } = this;
    return {
      protocol: PROTOCOL,
      implementation: { name, version, language, os: process.platform },
      capabilities: {
        operations: [...this.#operations.keys()].sort(),
        admin: [...this.#admin.keys()].sort(),
        state: this.#state !== undefined,
        ...capabilities,
      },
      endpoints: [...endpoints],
      clock: "monotonic",
    };
  }

  async #barrier({ member }) {
    await pause(0); // callbacks that the SDK handed to the loop before now, by a timer or not, run first;
    await turn(); // `emit` has written when it returns
    await this.#settled(member ? [member] : [...this.#members.keys()]);
    for (const each of member ? [member] : this.#lost.keys()) {
      if (this.#lost.has(each)) throw new Error(this.#lost.get(each));
    }
  }

  async #settled(members) {
    const open = members.filter((member) => this.#settle && this.#members.has(member));
    const ended = await Promise.allSettled(open.map((member) => this.#settle(this.#members.get(member))));
    // one that was closed meanwhile tells nothing any more
    const failed = ended.find(({ status }, i) => status === "rejected" && !this.#closed.has(open[i]));
    if (failed) throw failed.reason;
  }

  #inTurn(message) {
    const { member } = message;
    const mine = (this.#queues.get(member) ?? Promise.resolve()).then(() => this.#doAt(member, message));
    const over = mine.then(
      () => {},
      () => {},
    );
    this.#queues.set(member, over);
    return mine;
  }

  async #doAt(member, message) {
    if (message.type === "open") return this.#begin(member, message);
    if (message.type === "close") return this.#end(member);
    // said before the member is looked up: the harness asks a made-up operation to see it
    const f = message.type === "call" ? known(this.#operations, message) : this.#state;
    if (f === undefined) throw new Unsupported("state");
    if (!this.#members.has(member)) throw new RangeError(`${message.type} for member '${member}', which is not open`);
    return f(this.#members.get(member), message.arguments ?? {});
  }

  async #begin(member, { user, endpoints = {}, credentials = {}, options = {} }) {
    if (this.#open === undefined) throw new Unsupported("open");
    if (this.#numbers.has(member)) throw new RangeError(`member '${member}' was opened before`);
    this.#numbers.set(member, 0);
    this.#members.set(member, await this.#open(member, { user, endpoints, credentials, options }));
  }

  async #end(member) {
    this.#closed.add(member);
    this.#queues.delete(member);
    if (!this.#members.has(member)) return; // its open failed
    const me = this.#members.get(member);
    this.#members.delete(member);
    await this.#close?.(me);
  }

  async #leave() {
    const closing = [...this.#members.keys()].map((member) => this.#end(member));
    await Promise.race([Promise.allSettled(closing), pause(GRACE)]);
    process.exit(0);
  }
}

function known(table, message) {
  if (typeof message.operation !== "string") throw new TypeError(`a ${message.type} without 'operation'`);
  if (!table.has(message.operation)) throw new Unsupported(message.operation);
  return table.get(message.operation);
}

const what = (message) => [message.type, message.operation, message.member].filter(Boolean).join(" ");

/** The value itself, once it is sure that JSON keeps it: JSON.stringify drops functions and makes NaN, Map and Error null or {}. */
function plain(value, path = "fields") {
  if (value === null || ["string", "boolean", "undefined"].includes(typeof value)) return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "object" && typeof value.toJSON === "function") return value;
  if (!Array.isArray(value) && !isPlain(value)) {
    const kind = typeof value === "object" ? value.constructor.name : String(value).slice(0, 40);
    throw new TypeError(`${path} is ${kind}, which is not JSON; copy what the spec names into a plain object`);
  }
  for (const [key, part] of Object.entries(value)) plain(part, `${path}.${key}`);
  return value;
}

function isPlain(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const parent = Object.getPrototypeOf(value);
  return parent === null || (Object.getPrototypeOf(parent) === null && Object.hasOwn(parent, "hasOwnProperty"));
}

function shortened(raw) {
  if (raw === undefined) return undefined;
  let text;
  try {
    text = JSON.stringify(raw) ?? String(raw);
  } catch (e) {
    return `not JSON: ${e.message}`;
  }
  return text.length <= RAW_LIMIT ? raw : `${text.slice(0, RAW_LIMIT)}... (${text.length} characters, cut)`;
}

function line(message) {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  if (bytes.length > LIMIT) {
    throw new RangeError(`a message of ${bytes.length} bytes is longer than the ${LIMIT} that a line may have`);
  }
  return bytes;
}

/** Writes whole lines, from both threads; a harness that is gone is seen as the end of its lines, not here. */
function writer(fd, shared) {
  const lock = new Int32Array(shared, 0, 2);
  return (bytes) => {
    while (Atomics.compareExchange(lock, 0, 0, 1) !== 0) Atomics.wait(lock, 0, 1);
    try {
      for (let rest = bytes; rest.length > 0; ) {
        try {
          rest = rest.subarray(writeSync(fd, rest));
        } catch (e) {
          if (e.code !== "EAGAIN") return;
          Atomics.wait(lock, 1, 0, 1); // the pipe or socket is full: a millisecond
        }
      }
    } finally {
      Atomics.store(lock, 0, 0);
      Atomics.notify(lock, 0, 1);
    }
  };
}

/** Stdin and stdout, moved to private descriptors: what an SDK prints goes to stderr, what it reads is empty. */
function standardStreams() {
  // Node cannot duplicate a descriptor, but opening /dev/fd/N gives another one to the same pipe, and the lowest free
  // number is what the next open gets.
  let out;
  try {
    out = openSync("/dev/fd/1", constants.O_WRONLY | constants.O_APPEND);
  } catch (e) {
    throw new Error(
      `stdout cannot be kept for the protocol (${e.code}): start this program through pipes, as roomcheck does, ` +
        "or let it dial with --dial HOST:PORT --token TEXT",
    );
  }
  replaced(1, ["/dev/fd/2", "/dev/null"], constants.O_WRONLY | constants.O_APPEND);
  let lines = 0;
  try {
    lines = openSync("/dev/fd/0", constants.O_RDONLY | constants.O_NONBLOCK);
    replaced(0, ["/dev/null"], constants.O_RDONLY);
  } catch {
    // a socket cannot be opened again: then only what goes through `process.stdin` is kept away from it
  }
  Object.defineProperty(process, "stdin", { value: Readable.from([]), configurable: true });
  return { lines, out };
}

function replaced(fd, paths, flags) {
  closeSync(fd);
  for (const path of paths) {
    try {
      if (openSync(path, flags) === fd) return;
    } catch {
      continue;
    }
    throw new Error(`descriptor ${fd} was taken by another thread; call main() before the SDK opens files`);
  }
}

/** The second thread: hears the harness, answers pings, hands all else on, and ends a program that will not end. */
function read({ lines, out, dial, token, shared }) {
  const beat = new BigInt64Array(shared, 8, 2);
  const socket = dial ? connect(address(dial)) : new Socket({ fd: lines, writable: false });
  let write = dial ? undefined : writer(out, shared);
  let over = false;
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("connect", () => {
    socket.setNoDelay(true);
    const { fd } = socket._handle; // the only way to a write that blocks, which `emit` needs
    write = writer(fd, shared);
    write(line({ type: "dial", token }));
    parentPort.postMessage({ type: "connected", fd });
  });
  socket.on("data", (chunk) => {
    const whole = (rest + chunk).split("\n");
    rest = whole.pop();
    for (const text of whole) if (!over) hear(text);
  });
  socket.on("error", (e) => {
    if (!write) throw new Error(`cannot dial ${dial}: ${e.message}`);
  });
  socket.on("end", () => finish({ type: "over" }));
  socket.on("close", () => finish({ type: "over" }));

  function hear(text) {
    const message = parsed(text);
    if (message === undefined) {
      write(line({ type: "log", text: `not a message of the protocol: ${text.slice(0, 200)}` }));
    } else if (message.type === "ping") {
      const quiet = BigInt(now()) - Atomics.load(beat, 0) - BigInt((BEAT + RESOLUTION) * 1000);
      const late = Atomics.exchange(beat, 1, 0n);
      const fields = { nonce: message.nonce, loop_lag: Number(late > quiet ? late : quiet > 0n ? quiet : 0n) };
      write(line({ id: message.id, type: "result", status: "ok", fields, time: now() }));
    } else if (message.type === "bye") {
      finish(message);
    } else {
      parentPort.postMessage(message);
    }
  }

  function finish(message) {
    if (over) return;
    over = true;
    parentPort.postMessage(message);
    setTimeout(() => process.kill(process.pid, "SIGKILL"), GRACE + 1000); // an SDK that is stuck must not outlive us
  }
}

function parsed(text) {
  try {
    const message = JSON.parse(text);
    return message !== null && "id" in message && "type" in message ? message : undefined;
  } catch {
    return undefined;
  }
}

function address(dial) {
  const colon = dial.lastIndexOf(":");
  return { host: dial.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(dial.slice(colon + 1)) };
}

if (!isMainThread && workerData?.[MARK]) read(workerData[MARK]);
