// Parts of a page and what they are drawn with: canvases and colors.

export const part = (name) => document.getElementById(name);

/** A canvas with as many dots as it has on the screen, and its context; sizes are in pixels of CSS. */
export function sharp(canvas) {
  const width = canvas.clientWidth, height = canvas.clientHeight, ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height };
}

/** The color of a variable of page.css. */
export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** One color for each class or column, told apart on light and on dark ground. */
export const hue = (i, count) => `hsl(${Math.round((360 * i) / Math.max(count, 1) + 210) % 360} 65% 55%)`;
