// Runs the network in model.wasm: in browsers, in Node.js, and in what bundlers make. It depends on nothing.
//
//   import { load } from "./model.js";
//   const model = await load();
//   const logits = model.infer(new Uint8Array(784));
//   const [{ label, probability }] = model.classify(new Uint8Array(784));
//   const stream = model.stream();
//   stream.step([0.5]); // the logits of the sequence so far

import card from "./card.js";
import { Reader, words } from "./input.js";

/**
 * The model, ready to run.
 * @param source the address or the bytes of model.wasm, or the module; by default the file beside this one.
 */
export async function load(source = new URL("./model.wasm", import.meta.url)) {
  if (source instanceof WebAssembly.Module) return new Model(source);
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return new Model(await WebAssembly.compile(source));
  return new Model(await WebAssembly.compile(await bytesOf(source)));
}

/** The bytes at an address. Not by streaming, which asks the server for a type of its own. */
async function bytesOf(source) {
  const address = String(source);
  if (address.startsWith("file:")) {
    const { readFile } = await import(/* @vite-ignore */ /* webpackIgnore: true */ "node:fs/promises");
    return readFile(new URL(address));
  }
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: the server says ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

/** A network. Made by `load`. */
export class Model {
  #wasm;
  #reader = new Reader(card);
  #current = null; // the stream whose state lies in the memory of the module

  constructor(module) {
    this.#wasm = new WebAssembly.Instance(module).exports;
    this.#wasm.start();
  }

  /** What is known of the model: sizes, labels, preprocessing. */
  get card() {
    return card;
  }

  /** The name of each class; its number if the model has no names. */
  get labels() {
    return card.labels ?? Array.from({ length: Math.max(2, card.outputSize) }, (_, i) => String(i));
  }

  /**
   * The logits of one sequence, those of Model.infer in Python to the bit.
   * @param x the numbers of all steps, or an array of steps; for a model of texts a string.
   * @returns outputSize logits; where the model answers after every step, as many of each step.
   */
  infer(x) {
    const values = this.#reader.read(x);
    if (!values.length) throw new RangeError("met an empty sequence; expected at least one step");
    return new Stream(this, this.#access).take(this.#reader.permuted(values));
  }

  /** The `top` most probable classes of one sequence, after its last step. */
  classify(x, top = 1) {
    return this.best(this.infer(x), top);
  }

  /** The `top` most probable classes for logits; where there are those of several steps, of the last. */
  best(logits, top = 1) {
    const shares = this.probabilities(logits), { labels } = this;
    const order = Array.from(shares.keys()).sort((a, b) => shares[b] - shares[a] || a - b);
    return order.slice(0, top).map((i) => ({ label: labels[i], probability: shares[i] }));
  }

  /** The probability of each class for logits; where there are those of several steps, of the last. */
  probabilities(logits) {
    const last = logits.slice(-card.outputSize);
    if (last.length === 1) {
      const share = 1 / (1 + Math.exp(-last[0]));
      return [1 - share, share];
    }
    const most = Math.max(...last), parts = Array.from(last, (logit) => Math.exp(logit - most));
    const sum = parts.reduce((a, b) => a + b);
    return parts.map((part) => part / sum);
  }

  /** The tokens of a text, for a model with a vocabulary. */
  tokens(text) {
    if (!card.vocabulary) throw new TypeError(`the model ${card.name} has no vocabulary`);
    return this.#reader.tokens(text);
  }

  /** The words of a text, for each of which there is a token unless it is too long. */
  words(text) {
    return words(text);
  }

  /**
   * A new state, to be fed step by step.
   * @param raw whether steps are what the network itself reads: without scaling, normalization and permutation.
   */
  stream({ raw = false } = {}) {
    if (card.permutation && !raw) {
      throw new Error("this model reads the steps of a whole sequence in an order of its own; expected raw: true");
    }
    return new Stream(this, this.#access, raw);
  }

  /** What a stream does with the module: `use` has its state in the memory of the module while it runs. */
  #access = {
    reader: this.#reader,
    use: (stream, work) => {
      const wasm = this.#wasm;
      if (this.#current !== stream) {
        const state = new Uint8Array(wasm.memory.buffer, wasm.state(), wasm.state_bytes());
        this.#current?.keep(state.slice());
        if (stream.kept) state.set(stream.kept);
        else wasm.begin();
        this.#current = stream;
      }
      return work(wasm);
    },
    forget: (stream) => {
      if (this.#current === stream) this.#current = null;
    },
  };
}

/** The state of one sequence. Made by `Model.stream`. */
export class Stream {
  #access;
  #raw;
  kept = null; // the state, while another stream is at work

  constructor(model, access, raw = false) {
    this.model = model;
    this.#access = access;
    this.#raw = raw;
  }

  /** Feeds one step: its numbers, or a number or token. Returns the logits of the sequence so far. */
  step(x) {
    const values = this.#access.reader.read(typeof x === "number" ? [x] : x, this.#raw);
    if (values.length !== this.#width) throw new RangeError(`met ${values.length} numbers; expected ${this.#width}, one step`);
    return this.take(values);
  }

  /** Feeds steps. Returns the logits of the sequence so far; where the model answers after every step, those of each step. */
  run(x) {
    return this.take(this.#access.reader.read(x, this.#raw));
  }

  /** The logits of the sequence so far. */
  logits() {
    return this.#access.use(this, (wasm) => {
      wasm.answer();
      return numbers(wasm, 1);
    });
  }

  /** The `top` most probable classes of the sequence so far. */
  classify(top = 1) {
    return this.model.best(this.logits(), top);
  }

  /** Begins a new sequence. */
  reset() {
    this.kept = null;
    this.#access.forget(this);
  }

  /** Takes over the state, since another stream wants the memory. For the model alone. */
  keep(state) {
    this.kept = state;
  }

  /** Feeds what the network itself reads. For the model alone. */
  take(values) {
    return this.#access.use(this, (wasm) => {
      const size = this.#width, most = wasm.most_steps(), steps = values.length / size;
      const input = new values.constructor(wasm.memory.buffer, wasm.input(), most * size);
      const every = card.everyStep ? new Float32Array(steps * card.outputSize) : null;
      for (let first = 0; first < steps; first += most) {
        const count = Math.min(most, steps - first);
        input.set(values.subarray(first * size, (first + count) * size));
        wasm.run(count);
        every?.set(numbers(wasm, count), first * card.outputSize);
      }
      if (every) return every;
      wasm.answer();
      return numbers(wasm, 1);
    });
  }

  get #width() {
    return card.tokens ? 1 : card.inputSize;
  }
}

/** The logits of so many steps. */
function numbers(wasm, steps) {
  return new Float32Array(wasm.memory.buffer, wasm.logits(), steps * card.outputSize).slice();
}
