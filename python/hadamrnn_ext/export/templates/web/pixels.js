// The page of a model of pictures: it reads what is drawn, pixel by pixel, while the probabilities of the classes move.

import { Drawing } from "./drawing.js";
import { files, page } from "./page.js";
import { part } from "./parts.js";

const SECONDS = 2; // of reading
const PAUSE = 500; // milliseconds after a line, in which another line may begin

page((model, answers) => {
  const { page: { side }, permutation, byteScale } = model.card;
  const order = permutation ?? Array.from({ length: side * side }, (_, i) => i);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let waiting = 0, frame = 0, whole = false;

  const drawing = new Drawing(part("drawing"), () => {
    whole = false;
    later();
  });
  part("drawing").addEventListener("pointerdown", stop);
  part("read").addEventListener("click", read);
  part("clear").addEventListener("click", () => {
    stop();
    drawing.clear();
    show(new Uint8ClampedArray(side * side), 0);
    answers.say("Nothing yet");
    part("progress").textContent = "The network reads one pixel after another.";
  });
  files(part("drawing"), async (file) => {
    stop();
    await drawing.open(file);
    whole = true;
    read();
  });

  function stop() {
    clearTimeout(waiting);
    cancelAnimationFrame(frame);
  }

  function later() {
    stop();
    waiting = setTimeout(read, PAUSE);
  }

  function read() {
    stop();
    const bytes = drawing.bytes(side, whole);
    if (!bytes) return answers.say("Nothing is drawn");
    answers.say("Reading");
    answers.begin("Probabilities over the pixels");
    // In raw steps, since a permuted model takes whole sequences alone otherwise.
    const stream = model.stream({ raw: true });
    const scale = Math.fround(byteScale);
    const steps = order.map((at) => Math.fround(bytes[at] * scale));
    let done = 0, begun = null;

    const go = (now) => {
      begun ??= now;
      const until = still.matches ? steps.length : Math.min(steps.length, Math.ceil(((now - begun) / 1000 / SECONDS) * steps.length));
      let logits = null;
      for (; done < until; ++done) {
        logits = stream.step(steps[done]);
        answers.point(model.probabilities(logits));
      }
      show(bytes, done);
      if (logits) answers.bars(logits);
      answers.draw(steps.length);
      part("progress").textContent = `${done} of ${steps.length} pixels read`;
      if (done < steps.length) {
        frame = requestAnimationFrame(go);
        return;
      }
      answers.final(model.infer(bytes));
      answers.time(bytes, steps.length);
    };
    frame = requestAnimationFrame(go);
  }

  /** The picture that the network reads; pixels that it has not read yet are dim, and the next one is marked. */
  function show(bytes, count) {
    const canvas = part("seen"), context = canvas.getContext("2d"), size = canvas.width / side;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    order.forEach((at, t) => {
      const value = t < count ? bytes[at] : Math.round(bytes[at] * 0.3);
      context.fillStyle = t === count ? "#ffb300" : `rgb(${value} ${value} ${t < count ? value : Math.min(255, value + 60)})`;
      context.fillRect((at % side) * size, Math.floor(at / side) * size, size, size);
    });
  }

  show(new Uint8ClampedArray(side * side), 0);
  answers.bars(model.stream({ raw: true }).logits());
  answers.say("Draw, and it reads");
});
