// The page of a model of symbols without names, such as that of the copy task.

import { page, telling } from "./page.js";
import { part } from "./parts.js";

const WAIT = 980; // blanks of the copy task between the symbols and the marker

page((model, answers) => {
  const { inputSize, page: { copy } } = model.card;
  part("symbols-label").textContent = `Numbers from 0 to ${inputSize - 1}, with spaces between them`;
  part("read").addEventListener("click", telling(read));
  part("example").hidden = !copy;
  part("example").addEventListener("click", telling(() => {
    const symbols = Array.from({ length: 10 }, () => 1 + Math.floor(8 * Math.random()));
    part("symbols").value = [...symbols, ...new Array(WAIT).fill(0), 9, ...new Array(9).fill(0)].join(" ");
    read();
  }));

  function read() {
    const tokens = part("symbols").value.trim().split(/[\s,;]+/).map(Number);
    const stream = model.stream(), best = [];
    answers.begin();
    let logits = null;
    for (const token of tokens) {
      logits = stream.step(token);
      answers.point(model.probabilities(logits));
      best.push(model.best(logits)[0].label);
    }
    answers.time(tokens, tokens.length);
    answers.draw();
    answers.bars(logits);
    const end = best.slice(-10).join(" ");
    answers.say(`... ${end}`);
    part("said").textContent = copy
      ? `The first ten symbols were ${tokens.slice(0, 10).join(" ")}; after ${tokens.length - 10} steps, the answers are ${end}.`
      : `The answers after the last ten of ${tokens.length} steps are ${end}.`;
  }

  answers.bars(model.stream().logits());
  answers.say("Give it symbols, and press Read");
});
