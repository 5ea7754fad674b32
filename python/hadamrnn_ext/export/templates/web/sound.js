// The page of a model of sound: it hears the microphone, or a file.

import { decoded, microphone } from "./listening.js";
import { BANDS, Frames, last, logMel } from "./mel.js";
import { files, page, telling } from "./page.js";
import { part } from "./parts.js";
import { Spectrogram } from "./spectrogram.js";

const LOUDER = 1; // by how much a frame of speech exceeds the quietest ones, as a mean over its bands
const QUIET_FRAMES = 20; // that end a word
const SHORTEST = 8; // frames of a word
const LONGEST = 400; // frames that are read at most where the model does not say how many
const EVERY = 4; // frames from one answer to the next

page((model, answers) => {
  const { rate, steps, endless } = model.card.page;
  const spectrogram = new Spectrogram();
  let close = null;

  files(document.body, async (file) => {
    stop();
    const frames = logMel(await decoded(file, rate), rate, steps);
    spectrogram.begin(frames);
    answers.begin("Probabilities over the frames");
    const stream = model.stream();
    for (let i = 0; i < frames.length; i += BANDS) answers.point(model.probabilities(stream.step(frames.subarray(i, i + BANDS))));
    answers.time(frames, frames.length / BANDS);
    answers.draw();
    answers.final(model.infer(frames));
    part("state").textContent = `${file.name}: ${frames.length / BANDS} frames`;
  });

  part("listen").addEventListener("click", telling(async () => {
    if (close) return stop();
    const hear = endless ? follow(model, answers) : words(model, answers, steps);
    const frames = new Frames(rate);
    spectrogram.begin();
    close = () => {};
    part("listen").textContent = "Stop";
    part("listen").setAttribute("aria-pressed", "true");
    try {
      close = await microphone(rate, (samples) => {
        const row = frames.push(samples);
        if (row.length) spectrogram.add(row, hear(row));
      });
    } catch (error) {
      stop();
      throw error;
    }
    answers.say("Listening");
  }));

  function stop() {
    close?.();
    close = null;
    part("listen").textContent = "Listen";
    part("listen").setAttribute("aria-pressed", "false");
  }

  spectrogram.begin();
  answers.bars(model.stream().logits());
  answers.say("Speak, and it listens");
});

/** For a model whose pool has a time constant: it answers for ever. */
function follow(model, answers) {
  const stream = model.stream();
  answers.begin("Probabilities over time");
  return (row) => {
    const logits = stream.run(row).slice(-model.card.outputSize);
    answers.point(answers.bars(logits));
    answers.course = answers.course.slice(-1000);
    answers.draw();
    answers.final(logits);
    return 0;
  };
}

/** For a model of single sounds: it answers while something is louder than the rest, and once more when that has ended. */
function words(model, answers, steps) {
  let floor = null, word = null, quiet = 0, since = 0, before = [];
  const read = (frames) => {
    const row = Float32Array.from(frames.flatMap((frame) => Array.from(frame)));
    return model.infer(steps === null ? row : last(row, steps));
  };
  const one = (frame) => {
    const level = frame.reduce((sum, value) => sum + value, 0) / BANDS;
    // The floor falls at once and rises slowly, as the noise of a room changes.
    floor = floor === null ? level : Math.min(level, floor + 0.002);
    const loud = level > floor + LOUDER;
    if (!word) {
      before = [...before.slice(-2), frame];
      if (!loud) return;
      [word, quiet, since] = [before, 0, 0];
      before = [];
      answers.begin("Probabilities over the frames of the last word");
      return;
    }
    word.push(frame);
    quiet = loud ? 0 : quiet + 1;
    if (++since % EVERY === 0) {
      answers.point(answers.bars(read(word)));
      answers.draw();
    }
    if (quiet < QUIET_FRAMES && word.length < LONGEST) return;
    const spoken = word.slice(0, word.length - quiet + 2);
    word = null;
    if (spoken.length >= SHORTEST) answers.final(read(spoken));
  };
  return (row) => {
    for (let i = 0; i < row.length; i += BANDS) one(row.subarray(i, i + BANDS));
    return word?.length ?? 0;
  };
}
