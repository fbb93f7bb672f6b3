/**
 * The author's side of the adapter protocol inside a page: `roomcheck.Adapter`, there before the page's own scripts run.
 *
 * It has the methods of the Node kit. The program that drives the browser (host.mjs) asks by `roomcheck.hear` and is told
 * everything, in order, by one binding; each message says when it was sent, on the page's clock.
 */
(() => {
  if (window !== window.top || globalThis.roomcheck) return;
  const BEAT = 20; // milliseconds between two signs of life of the loop
  const TELL_LATE = 250; // milliseconds between two reports of how late it was
  const now = () => Math.round(performance.now() * 1000);
  const say = (message) => globalThis.roomcheckSay(JSON.stringify({ ...message, sent: now() }, strict));

  class Refused extends Error {
    constructor(fields = {}) {
      super(JSON.stringify(fields));
      this.fields = fields;
    }
  }
  class Indefinite extends Refused {}
  class Unsupported extends Error {}

  /** JSON.stringify drops functions and makes NaN, Map and Error null or {}: here they are refused. */
  function strict(key, value) {
    const plain = typeof value !== "object" || value === null || Array.isArray(value);
    const unfit = plain
      ? ["function", "symbol", "bigint"].includes(typeof value) || (typeof value === "number" && !Number.isFinite(value))
      : ![Object.prototype, null].includes(Object.getPrototypeOf(value));
    if (unfit) {
      const kind = plain ? String(value).slice(0, 40) : value.constructor.name;
      throw new TypeError(`${key} is ${kind}, which is not JSON; copy what the spec names into a plain object`);
    }
    return value;
  }

  class Adapter {
    constants = {};
    #functions = {};
    #operations = new Map();
    #asked = new Map(); // what the backend was asked and has not answered
    #me;
    #lost;

    constructor(name, version, { endpoints = [], capabilities = {} } = {}) {
      Object.assign(this, { name, version, endpoints, capabilities });
      for (const kind of ["open", "close", "state"]) this[kind] = (f) => void (this.#functions[kind] = f);
    }

    operation(name, f) {
      this.#operations.set(name, f);
    }

    emit(member, callback, fields = {}, raw = undefined) {
      const time = now();
      try {
        say({ event: { member, callback, fields, raw: copied(raw) }, time });
      } catch (e) {
        this.#lost ??= `callback '${callback}' of ${member} could not be written: ${e.message}`;
        throw e;
      }
    }

    /** What a function of the target's backend file returns: it runs beside the browser and may know secrets. */
    ask(what, args = {}) {
      return new Promise((resolve, reject) => {
        const number = this.#asked.size + 1;
        this.#asked.set(number, { resolve, reject });
        say({ ask: { number, what, args } });
      });
    }

    log(text) {
      say({ log: text });
    }

    main() {
      globalThis.roomcheck.hear = (message) => void this.#hear(message);
      const { name, version, endpoints, capabilities } = this;
      say({ ready: { name, version, endpoints, capabilities, operations: [...this.#operations.keys()], state: "state" in this.#functions } });
      let last = performance.now();
      let late = 0;
      let told = last;
      setInterval(() => {
        const at = performance.now();
        late = Math.max(late, at - last - BEAT);
        last = at;
        if (late < BEAT || at - told < TELL_LATE) return;
        say({ late: Math.round(late * 1000) });
        [late, told] = [0, at];
      }, BEAT);
    }

    async #hear({ id, kind, ...message }) {
      try {
        say({ id, status: "ok", fields: (await this.#do(kind, message)) ?? {} });
      } catch (e) {
        const status = e instanceof Indefinite ? "indefinite" : e instanceof Refused ? "refused" : e instanceof Unsupported ? "unsupported" : "";
        const error = e instanceof Error ? `${e.name}: ${e.message}` : typeof e === "object" ? JSON.stringify(e) : String(e);
        try {
          say({ id, status: status || "adapter-error", fields: status && e.fields ? e.fields : { error } });
        } catch (unfit) {
          say({ id, status: "adapter-error", fields: { error: String(unfit) } });
        }
      }
    }

    async #do(kind, { member, opening, operation, args, number, value, error, constants }) {
      switch (kind) {
        case "open":
          Object.assign(this.constants, constants);
          this.#me = await this.#functions.open?.(member, opening);
          return undefined;
        case "call":
          return this.#operations.get(operation)(this.#me, args);
        case "state":
          return this.#functions.state(this.#me);
        case "close":
          return void (await this.#functions.close?.(this.#me));
        case "barrier":
          await new Promise((resolve) => setTimeout(resolve)); // what a timer or a message has brought here runs first
          if (this.#lost) throw new Error(this.#lost);
          return undefined;
        case "answer":
          if (error === undefined) this.#asked.get(number).resolve(value);
          else this.#asked.get(number).reject(new Error(error));
          return undefined;
      }
    }
  }

  function copied(raw) {
    try {
      return raw === undefined ? undefined : JSON.parse(JSON.stringify(raw) ?? "null");
    } catch (e) {
      return `not JSON: ${e.message}`;
    }
  }

  globalThis.roomcheck = { Adapter, Refused, Indefinite, Unsupported };
})();
