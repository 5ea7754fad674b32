// A picture of the last frames of sound: time runs to the right, low bands lie below, and more energy is brighter.

import { BANDS } from "./mel.js";
import { part, sharp } from "./parts.js";

const FRAMES = 200;
const LOUD = 9; // a number of a frame that is as bright as can be

export class Spectrogram {
  frames = [];
  span = FRAMES;

  /** Shows these frames alone, over the whole width, or with none an empty picture for those that come. */
  begin(row = new Float32Array(0)) {
    this.frames = [];
    this.span = row.length ? Math.min(FRAMES, row.length / BANDS) : FRAMES;
    this.add(row);
  }

  /** Adds frames that lie in one row, and draws. `marked` frames, the last ones, are those that the network reads. */
  add(row, marked = 0) {
    for (let i = 0; i < row.length; i += BANDS) this.frames.push(row.slice(i, i + BANDS));
    this.frames = this.frames.slice(-this.span);
    this.draw(marked);
  }

  draw(marked) {
    const { context, width, height } = sharp(part("spectrogram"));
    const across = width / this.span, up = height / BANDS, first = this.span - this.frames.length;
    this.frames.forEach((frame, t) => {
      for (let band = 0; band < BANDS; ++band) {
        context.fillStyle = bright(frame[band] / LOUD);
        context.fillRect((first + t) * across, height - (band + 1) * up, across + 0.5, up + 0.5);
      }
    });
    if (marked) {
      context.fillStyle = "#ffb300";
      const count = Math.min(marked, this.span);
      context.fillRect((this.span - count) * across, height - 4, count * across, 4);
    }
  }
}

/** From dark blue by violet and orange to light yellow, for 0 to 1. */
function bright(value) {
  const x = Math.min(1, Math.max(0, value));
  const red = 255 * Math.min(1, 1.6 * x), green = 255 * Math.max(0, 1.5 * x - 0.5), blue = 255 * Math.max(0.06, Math.sin(Math.PI * Math.min(1, 1.1 * x)) * 0.6);
  return `rgb(${red | 0} ${green | 0} ${blue | 0})`;
}
