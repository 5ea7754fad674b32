// The page of a model of texts: it answers while you write.

import { page, telling } from "./page.js";
import { part } from "./parts.js";

page((model, answers) => {
  const { unknown } = model.card.vocabulary;
  const read = telling(() => {
    const tokens = model.tokens(part("text").value), words = model.words(part("text").value);
    const read = words.slice(-tokens.length), first = tokens.length - read.length; // before it lies padding
    part("words").replaceChildren(...read.flatMap((text, i) => {
      const word = document.createElement(tokens[first + i] === unknown ? "s" : "span");
      word.textContent = text;
      return [word, " "];
    }));
    if (!read.length) return answers.say("Write something");
    answers.begin("Probabilities over the words");
    const stream = model.stream();
    let logits = null;
    tokens.forEach((token, t) => {
      logits = stream.step(token);
      if (t >= first) answers.point(model.probabilities(logits));
    });
    answers.time(tokens, tokens.length);
    answers.draw();
    answers.final(logits);
  });
  part("text").addEventListener("input", read);
  return read();
});
