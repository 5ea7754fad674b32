// What all pages share: the model, the answers, and how a problem is told.

import { load } from "./model.js";
import { Answers } from "./answers.js";
import { part } from "./parts.js";

/** Tells of an error, for instance of input that the model does not read; none if there is none. */
export function tell(error) {
  part("problem").textContent = error ? error.message : "";
}

/** `work`, whose errors are told on the page. */
export function telling(work) {
  return async (...given) => {
    tell(null);
    try {
      await work(...given);
    } catch (error) {
      tell(error);
    }
  };
}

/** Calls `begin` with the model and the part of the page that shows its answers. */
export async function page(begin) {
  await telling(async () => {
    const model = await load();
    const answers = new Answers(model);
    await begin(model, answers);
    document.documentElement.dataset.ready = "";
  })();
}

/** Calls `take` with a file that the user opens, or drops onto `target`. */
export function files(target, take) {
  const input = part("file"), told = telling(take);
  input.addEventListener("change", () => {
    if (input.files[0]) told(input.files[0]);
    input.value = ""; // so that the same file can be opened again
  });
  const over = (on) => (event) => {
    event.preventDefault();
    target.classList.toggle("over", on);
  };
  target.addEventListener("dragover", over(true));
  target.addEventListener("dragleave", over(false));
  target.addEventListener("drop", (event) => {
    over(false)(event);
    if (event.dataTransfer.files[0]) told(event.dataTransfer.files[0]);
  });
}
