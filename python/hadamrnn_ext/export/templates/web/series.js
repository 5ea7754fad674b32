// The page of a model of sensors and series: it reads a table, or the motion of a phone.

import { canMove, motion } from "./motion.js";
import { files, page, telling } from "./page.js";
import { hue, part, sharp } from "./parts.js";
import { table } from "./table.js";

const SHOWN = 600; // steps of motion that are drawn
const EVERY = 10; // steps of motion from one answer to the next

page((model, answers) => {
  const { inputSize: size, page: facts } = model.card;
  const { window: length = null, channels = null, endless } = facts;
  let close = null;

  part("table-label").textContent = channels
    ? `One row for each step, with ${size} numbers: ${channels.join(", ")}`
    : `One row for each step, with ${size === 1 ? "one number" : `${size} numbers`}`;
  part("read").addEventListener("click", telling(() => read(part("table").value)));
  files(part("table"), async (file) => {
    part("table").value = await file.text();
    read(part("table").value);
  });

  function read(text) {
    stop();
    const { values } = table(text, size, channels);
    signals(values);
    answers.begin();
    const windows = [];
    let stream = model.stream();
    values.forEach((step, t) => {
      const logits = stream.step(step);
      answers.point(model.probabilities(logits));
      const ends = length && (t + 1) % length === 0;
      if (ends || t === values.length - 1) windows.push(logits);
      if (ends) stream = model.stream();
    });
    answers.time(Float64Array.from(values.flat()), values.length);
    answers.draw();
    answers.final(windows.at(-1));
    const said = windows.length > 1 ? `; the answers for each ${length} steps: ${windows.map((logits) => model.best(logits)[0].label).join(", ")}` : "";
    part("understood").textContent = `${values.length} steps of ${size === 1 ? "one number" : `${size} numbers`}${said}`;
  }

  /** Draws the columns of the last steps. */
  function signals(values) {
    const { context, width, height } = sharp(part("signals")), shown = values.slice(-SHOWN);
    context.lineWidth = 1.5;
    for (let j = 0; j < size; ++j) {
      const column = shown.map((step) => step[j]), low = Math.min(...column), high = Math.max(...column);
      context.strokeStyle = hue(j, size);
      context.beginPath();
      column.forEach((value, t) => {
        const x = (t / Math.max(1, shown.length - 1)) * width;
        const y = height - 4 - ((value - low) / (high - low || 1)) * (height - 8);
        if (t) context.lineTo(x, y);
        else context.moveTo(x, y);
      });
      context.stroke();
    }
  }

  part("motion").hidden = !canMove(size);
  part("motion").addEventListener("click", telling(async () => {
    if (close) return stop();
    const steps = [], stream = endless ? model.stream() : null;
    close = await motion(facts, size, (step) => {
      steps.push(step);
      steps.splice(0, steps.length - Math.max(SHOWN, length ?? 0));
      stream?.step(step);
      if (steps.length % EVERY && steps.length < SHOWN) return;
      signals(steps);
      if (stream) answers.final(stream.logits());
      else if (steps.length >= (length ?? EVERY)) answers.final(model.infer(steps.slice(-(length ?? SHOWN))));
      else answers.say(`Wait for ${length - steps.length} more steps`);
    });
    part("motion").textContent = "Stop";
    part("motion").setAttribute("aria-pressed", "true");
  }));

  function stop() {
    close?.();
    close = null;
    part("motion").textContent = "Use the motion of this device";
    part("motion").setAttribute("aria-pressed", "false");
  }

  answers.bars(model.stream().logits());
  answers.say("Paste a table, and press Read");
});
