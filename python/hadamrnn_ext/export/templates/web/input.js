// From raw input to the numbers that the network reads, to the same bits as the Python package.
//
// An array means what NumPy's array of that type means: numbers of a Uint8Array (or Uint8ClampedArray, the pixels of a
// canvas) are bytes; those of a Float32Array, Int8Array, Int16Array or Uint16Array are computed with in float32; all
// others, those of a plain Array among them, in float64.

const NARROW = [Float32Array, Uint8Array, Uint8ClampedArray, Int8Array, Int16Array, Uint16Array];
const BYTES = [Uint8Array, Uint8ClampedArray];
const INTEGERS = [...BYTES, Int8Array, Int16Array, Uint16Array, Int32Array, Uint32Array];
const WORD = /[\p{L}\p{N}]+(?:'[\p{L}\p{N}]+)*/gu;

const of = (kinds, x) => kinds.some((kind) => x instanceof kind);
const round = Math.fround;

/** Numbers in one row: of an array of numbers, or of an array of steps. */
function flat(x) {
  if (ArrayBuffer.isView(x) && !(x instanceof DataView)) return x;
  if (!Array.isArray(x)) throw new TypeError(`met ${typeof x}; expected an array of numbers, or of steps`);
  return x.length > 0 && typeof x[0] === "object" ? x.flatMap((step) => Array.from(step)) : x;
}

/** The nearest integer; of two that are as near, the even one. */
function nearest(value) {
  const floor = Math.floor(value), rest = value - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** The words of a text: runs of letters, digits and apostrophes, in small letters. */
export const words = (text) => text.toLowerCase().match(WORD) ?? [];

/** Reads steps for a network, as its card says. */
export class Reader {
  constructor(card) {
    this.card = card;
    this.array = { Float32Array, Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array }[`${card.number}Array`];
    this.places = card.vocabulary && new Map(card.vocabulary.words.map((word, token) => [word, token]));
  }

  /** The tokens of a text. */
  tokens(text) {
    const { unknown, length } = this.card.vocabulary;
    const found = words(text).map((word) => this.places.get(word) ?? unknown);
    if (length === null) return Int32Array.from(found);
    const kept = found.slice(-length);
    return Int32Array.from([...new Array(length - kept.length).fill(0), ...kept]);
  }

  /** What the network reads of one or more steps, in the order given. With `raw`, x is what the network itself reads. */
  read(x, raw = false) {
    if (typeof x === "string") {
      if (!this.places) throw new TypeError(`met a text; expected numbers, since the model ${this.card.name} has no vocabulary`);
      x = this.tokens(x);
    }
    const values = flat(x), size = this.card.tokens ? 1 : this.card.inputSize;
    if (values.length % size) {
      throw new RangeError(`met ${values.length} numbers; expected a multiple of ${size}, the numbers of one step`);
    }
    return this.card.tokens ? this.#tokens(values) : this.#codes(this.#features(values, raw));
  }

  /** Whole sequences in the order in which the network reads them. */
  permuted(values) {
    const { permutation, inputSize: size } = this.card;
    if (!permutation) return values;
    if (values.length !== permutation.length * size) {
      throw new RangeError(`met ${values.length / size} steps; expected ${permutation.length}, which this model reads in an order of its own`);
    }
    const result = new values.constructor(values.length);
    permutation.forEach((from, to) => result.set(values.subarray(from * size, (from + 1) * size), to * size));
    return result;
  }

  #tokens(values) {
    const wrong = values.findIndex((token) => !Number.isInteger(token) || token < 0 || token >= this.card.inputSize);
    if (wrong >= 0) throw new RangeError(`token ${wrong} is ${values[wrong]}; expected 0 to ${this.card.inputSize - 1}`);
    return Int32Array.from(values);
  }

  /** Features in float32. */
  #features(values, raw) {
    const { byteScale, offset, scale, fine, inputSize: size } = this.card;
    const wide = !of(NARROW, values), normalized = !raw && offset !== undefined;
    if (normalized && fine !== null && !wide) {
      throw new TypeError(`met ${values.constructor.name}; expected an Array or a Float64Array, since float32 cannot hold feature ${fine}`);
    }
    const bytes = !raw && byteScale !== null && of(BYTES, values);
    const result = Float32Array.from(values);
    if (bytes) {
      const unit = round(byteScale);
      for (let i = 0; i < result.length; ++i) result[i] *= unit;
    } else if (byteScale !== null && of(INTEGERS, values)) {
      const wrong = values.findIndex((value) => value < 0 || value > 1);
      if (wrong >= 0) throw new RangeError(`${this.#place(values, wrong)} of ${values.constructor.name}; expected a Uint8Array, or numbers 0 to 1`);
    }
    if (normalized) {
      const step = wide ? (value) => value : round, from = wide ? values : result;
      const offsets = offset.map(step), scales = scale.map(step);
      for (let i = 0, j = 0; i < result.length; ++i, j = j + 1 === size ? 0 : j + 1) {
        result[i] = step(from[i] - offsets[j]) / scales[j];
      }
    }
    const wrong = result.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw new RangeError(`${this.#place(values, wrong)}; expected finite numbers`);
    return result;
  }

  #place(values, i) {
    const { inputSize: size } = this.card;
    return `number ${i % size} of step ${Math.floor(i / size)} is ${values[i]}`;
  }

  /** Features as integers, if the network computes with integers. */
  #codes(features) {
    if (!this.card.codes) return features;
    const { scale, range: [low, high] } = this.card.codes;
    const result = new this.array(features.length), unit = round(scale);
    for (let i = 0; i < features.length; ++i) {
      result[i] = Math.max(low, Math.min(high, nearest(round(features[i] / unit))));
    }
    return result;
  }
}
