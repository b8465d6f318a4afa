// Server-sent events out of a stream of text, as the HTML standard reads them.

/** An event longer than this is none of ours. */
const LONGEST = 4 * 1024 * 1024;

export class Events {
  #rest = "";
  #data = [];
  #name = "";
  #size = 0;
  #wasReturn = false;

  /** The id of the newest event that had one. */
  lastId = null;

  /** Takes a piece of the stream, and gives the events that it completes. */
  read(text) {
    const whole = this.#wasReturn && text.startsWith("\n") ? text.slice(1) : text;
    this.#wasReturn = text.endsWith("\r");
    const lines = (this.#rest + whole).split(/\r\n|\n|\r/);
    this.#rest = lines.pop();
    if (this.#rest.length + this.#size > LONGEST) throw new RangeError("an event of the stream does not end");
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line) {
    if (line === "") return this.#end();
    if (line.startsWith(":")) return [];
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") {
      this.#data.push(value);
      this.#size += value.length;
    } else if (field === "event") this.#name = value;
    else if (field === "id" && !value.includes("\0")) this.lastId = value;
    return [];
  }

  #end() {
    const event = { name: this.#name || "message", data: this.#data.join("\n") };
    const isEvent = this.#data.length > 0;
    this.#data = [];
    this.#name = "";
    this.#size = 0;
    return isEvent ? [event] : [];
  }
}
