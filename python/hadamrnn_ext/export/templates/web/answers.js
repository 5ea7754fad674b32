// The answer, a bar for each class, and the course of the probabilities over the steps.

import { color, hue, part, sharp } from "./parts.js";

const LONG = 14; // characters of a label that stands above its bar
const MOST = 1000; // points of the course that are drawn
const OTHERS = 0.4; // of the color of the course of the most probable class, for all others
const BATCHES = 8; // of measuring, of which the fastest counts
const BATCH = 4; // milliseconds
const percent = (share) => `${(100 * share).toFixed(share > 0.0995 ? 0 : 1)} %`;

export class Answers {
  constructor(model) {
    this.model = model;
    part("classes").classList.toggle("long", model.labels.some((label) => label.length > LONG));
    this.rows = model.labels.map((label) => {
      const row = document.createElement("li");
      row.innerHTML = '<span class="label"></span><span class="bar"><span></span></span><span class="share"></span>';
      row.querySelector(".label").textContent = label;
      part("classes").append(row);
      return row;
    });
    this.course = [];
    this.say("Nothing yet");
  }

  /** Shows a sentence in place of an answer. */
  say(text) {
    if (part("answer").textContent !== text) part("answer").textContent = text;
  }

  /** Shows bars for logits. */
  bars(logits) {
    const shares = this.model.probabilities(logits), most = Math.max(...shares);
    this.rows.forEach((row, i) => {
      row.classList.toggle("best", shares[i] === most);
      row.querySelector(".bar span").style.width = `${100 * shares[i]}%`;
      row.querySelector(".share").textContent = percent(shares[i]);
    });
    return shares;
  }

  /** Shows bars, and the most probable class as the answer, which a screen reader reads out where it changes. */
  final(logits) {
    this.bars(logits);
    const [{ label, probability }] = this.model.best(logits);
    this.say(`${label} (${percent(probability)})`);
  }

  /** Begins a new course, with a caption. */
  begin(caption = "Probabilities over the steps") {
    this.course = [];
    part("course-caption").textContent = caption;
  }

  /** Adds a point to the course. */
  point(shares) {
    this.course.push(shares);
  }

  /** Draws the course over `steps` steps, or over those that there are. */
  draw(steps = this.course.length) {
    part("course-figure").hidden = false;
    const { context, width, height } = sharp(part("course"));
    context.strokeStyle = color("line");
    for (const level of [0.5, height / 2, height - 0.5]) {
      context.beginPath();
      context.moveTo(0, level);
      context.lineTo(width, level);
      context.stroke();
    }
    const stride = Math.max(1, Math.ceil(this.course.length / MOST));
    context.lineWidth = 2;
    const end = this.course.at(-1) ?? [];
    const order = Array.from(this.rows.keys()).sort((a, b) => end[a] - end[b]); // the most probable one lies on top
    for (const i of order) {
      context.globalAlpha = i === order.at(-1) ? 1 : OTHERS;
      context.strokeStyle = hue(i, this.rows.length);
      context.beginPath();
      for (let t = 0; t < this.course.length; t += stride) {
        const x = ((t + 1) / Math.max(steps, 1)) * width, y = (1 - this.course[t][i]) * (height - 4) + 2;
        if (t) context.lineTo(x, y);
        else context.moveTo(x, y);
      }
      context.stroke();
    }
    this.rows.forEach((row, i) => row.style.setProperty("--accent", hue(i, this.rows.length)));
  }

  /** Measures how long a step of this sequence takes, and tells of it. */
  time(sequence, steps) {
    const batch = () => {
      const start = performance.now();
      let count = 0, spent = 0;
      do {
        this.model.infer(sequence);
        ++count;
        spent = performance.now() - start;
      } while (spent < BATCH);
      return spent / count;
    };
    const fastest = Math.min(...Array.from({ length: BATCHES }, batch));
    part("time").textContent = `${((1000 * fastest) / steps).toFixed(1)} microseconds per step on this device`;
  }
}
