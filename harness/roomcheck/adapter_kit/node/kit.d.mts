/** The types of kit.mjs. `Me` is what `open` returns: whatever your functions need of a client. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json | undefined };
export type Fields = { [name: string]: Json | undefined };
export type Result = Fields | void | Promise<Fields | void>;

export interface Opening {
  /** The user's name in the room. */
  user: string;
  /** host:port for each of the adapter's `endpoints`; the client must use these and no other address. */
  endpoints: { [name: string]: string };
  credentials: Fields;
  options: Fields;
}

/** The SDK or its server said no; `fields` say how. This is the room's behaviour and is judged. */
export class Refused extends Error {
  constructor(fields?: Fields);
  readonly fields: Fields;
}

/** The call neither succeeded nor failed, for example a deadline of the SDK passed. */
export class Indefinite extends Refused {}

/** The room has no such operation. */
export class Unsupported extends Error {}

/** Register functions, tell callbacks with `emit`, then call `main`. */
export class Adapter<Me = any> {
  constructor(name: string, version: string, options?: { endpoints?: string[]; capabilities?: Fields });
  readonly name: string;
  readonly version: string;
  /** What reports show beside it; `node` and its version unless it says something else. */
  language: string;
  readonly endpoints: readonly string[];
  readonly capabilities: Readonly<Fields>;
  /** Microseconds that this run wants, by the names of the spec's constants, for SDKs whose timers can be set. */
  readonly constants: { [name: string]: number };
  /** Makes a client; it is not logged in. `member` is the name to `emit` with. */
  open(f: (member: string, opening: Opening) => Me | Promise<Me>): void;
  /** Ends the client; nothing of it may be left. */
  close(f: (me: Me) => void | Promise<void>): void;
  /** The SDK's own view of its state. */
  state(f: (me: Me) => Result): void;
  /** One call of a member, named as the spec names it; it returns when the SDK's call returns. */
  operation(name: string, f: (me: Me, args: any) => Result): void;
  /** One act of the backend, named as the spec names it; `endpoints` pass no proxy. */
  admin(name: string, f: (args: any, endpoints: { [name: string]: string }) => Result): void;
  /** What must be done before hello is answered; the adapter's name and operations may be known only then. */
  ready(f: () => Promise<void>): void;
  /** Resolves when every callback that had fired at this member was told, where that takes more than a turn. */
  settle(f: (me: Me) => Promise<void>): void;
  /** Callbacks of this program were so many microseconds late: the next ping tells the worst. */
  late(microseconds: number): void;
  /** Tell a callback, as the first statement of the SDK's callback; after the member was closed it does nothing. */
  emit(member: string, callback: string, fields?: Fields, raw?: unknown, at?: { time: number; spread?: number }): void;
  /** Leave a line in the case's log. */
  log(text: string): void;
  /** Serve until the harness says bye or is gone; then the process ends. */
  main(argv?: string[]): void;
}
