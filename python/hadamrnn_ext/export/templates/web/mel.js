// Log-mel frames of sound, as hadamrnn_ext computes them: the energy in bands that are spaced as the ear hears.
//
// All is computed in doubles and then rounded to float32, so that frames differ from those of Python by about as much as
// two ways of adding up the same doubles do.

export const WINDOW = 256; // samples of a frame
export const HOP = 128; // samples from one frame to the next
export const BANDS = 32;
const LOWEST = 60; // Hz
const QUIET = 1e-3; // the energy that counts as silence

const mel = (frequency) => 2595 * Math.log10(1 + frequency / 700);

/** Makes frames of BANDS numbers from samples between -1 and 1, of which there are `rate` per second. */
export class Frames {
  constructor(rate) {
    this.hann = Float64Array.from({ length: WINDOW }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / (WINDOW - 1)));
    this.bands = bands(rate);
    this.rest = new Float32Array(0);
  }

  /** The frames that are complete with these samples, one after another in one row. */
  push(samples) {
    const all = new Float32Array(this.rest.length + samples.length);
    all.set(this.rest);
    all.set(samples, this.rest.length);
    const count = Math.max(0, Math.floor((all.length - WINDOW) / HOP) + 1);
    const frames = new Float32Array(count * BANDS);
    for (let i = 0; i < count; ++i) frames.set(this.#frame(all.subarray(i * HOP, i * HOP + WINDOW)), i * BANDS);
    this.rest = all.slice(count * HOP);
    return frames;
  }

  #frame(samples) {
    const real = Float64Array.from(samples, (value, n) => value * this.hann[n]), imaginary = new Float64Array(WINDOW);
    transform(real, imaginary);
    return Float32Array.from(this.bands, ({ first, weights }) => {
      let energy = 0;
      for (let k = 0; k < weights.length; ++k) {
        energy += (real[first + k] ** 2 + imaginary[first + k] ** 2) * weights[k];
      }
      return Math.log1p(energy / QUIET);
    });
  }
}

/**
 * The frames of a whole sound, the last of which is filled with zeros; with `steps`, that many of the last frames, with
 * zeros before those of a shorter sound.
 */
export function logMel(sound, rate, steps = null) {
  const count = Math.max(1, Math.ceil((sound.length - WINDOW) / HOP) + 1);
  const padded = new Float32Array((count - 1) * HOP + WINDOW);
  padded.set(sound);
  const frames = new Frames(rate).push(padded);
  return steps === null ? frames : last(frames, steps);
}

/** The last `steps` frames, with zeros before fewer. */
export function last(frames, steps) {
  const result = new Float32Array(steps * BANDS), kept = frames.subarray(Math.max(0, frames.length - result.length));
  result.set(kept, result.length - kept.length);
  return result;
}

/** For each band the first frequency that it hears, and the weights from there on. */
function bands(rate) {
  const low = mel(LOWEST), high = mel(rate / 2);
  const edges = Array.from({ length: BANDS + 2 }, (_, i) => 700 * (10 ** ((low + ((high - low) * i) / (BANDS + 1)) / 2595) - 1));
  return Array.from({ length: BANDS }, (_, band) => {
    const [left, middle, right] = edges.slice(band, band + 3);
    const weight = (k) => {
      const frequency = (k * rate) / WINDOW;
      return Math.max(0, Math.min((frequency - left) / (middle - left), (right - frequency) / (right - middle)));
    };
    const all = Array.from({ length: WINDOW / 2 + 1 }, (_, k) => weight(k));
    const first = Math.max(0, all.findIndex((value) => value > 0));
    return { first, weights: Float64Array.from(all.slice(first, all.findLastIndex((value) => value > 0) + 1)) };
  });
}

/** The discrete Fourier transform in place, of as many numbers as a power of two. */
function transform(real, imaginary) {
  const size = real.length;
  for (let i = 1, j = 0; i < size; ++i) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let half = 1; half < size; half *= 2) {
    for (let k = 0; k < half; ++k) {
      const angle = (-Math.PI * k) / half, cos = Math.cos(angle), sin = Math.sin(angle);
      for (let i = k; i < size; i += 2 * half) {
        const j = i + half, re = real[j] * cos - imaginary[j] * sin, im = real[j] * sin + imaginary[j] * cos;
        real[j] = real[i] - re;
        imaginary[j] = imaginary[i] - im;
        real[i] += re;
        imaginary[i] += im;
      }
    }
  }
}
