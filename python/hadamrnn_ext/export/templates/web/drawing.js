// A canvas on which the user draws in white on black, and the picture on it as MNIST's authors would have stored it.

import { tell } from "./page.js";

const PEN = 1 / 13; // of the width of the canvas
const BOX = 20 / 28; // MNIST fits a digit into a box of 20 of the 28 pixels
const STEP = 1 / 28;

export class Drawing {
  /** @param drawn is called when a line ends. */
  constructor(canvas, drawn) {
    this.canvas = canvas;
    this.drawn = drawn;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.last = null;
    this.point = { x: 0.5, y: 0.3 };
    this.down = false;
    this.clear();
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#begin(this.#place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.last) return;
      const moves = event.getCoalescedEvents?.() ?? [];
      for (const move of moves.length ? moves : [event]) this.#line(this.#place(move));
    });
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => this.#end());
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  clear() {
    const { width, height } = this.canvas;
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, width, height);
    tell(null);
  }

  /** Draws a picture; one that is dark on light ground is inverted. */
  async open(file) {
    const picture = await createImageBitmap(file);
    const { width, height } = this.canvas;
    this.clear();
    const scale = Math.min(width / picture.width, height / picture.height);
    const [w, h] = [picture.width * scale, picture.height * scale];
    this.context.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
    const image = this.context.getImageData(0, 0, width, height), data = image.data;
    const light = [0, width - 1, (height - 1) * width, height * width - 1].filter((at) => data[4 * at] > 127).length > 2;
    for (let at = 0; at < data.length; at += 4) {
      const grey = Math.round(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]);
      data[at] = data[at + 1] = data[at + 2] = light ? 255 - grey : grey;
    }
    this.context.putImageData(image, 0, 0);
  }

  /**
   * The picture in side x side bytes, 255 for ink; null if nothing is drawn. As in MNIST, a drawing is fitted into a box and
   * its centre of mass lies in the middle; with `whole`, the canvas is taken as it is.
   */
  bytes(side, whole = false) {
    const ink = this.#ink();
    if (!ink) return null;
    const [small, context] = blank(side);
    if (whole) {
      context.drawImage(this.canvas, 0, 0, side, side);
      return grey(context, side);
    }
    const { left, top, width, height } = ink, scale = (BOX * side) / Math.max(width, height);
    const place = (x, y) => {
      context.fillRect(0, 0, side, side);
      context.drawImage(this.canvas, left, top, width, height, x, y, width * scale, height * scale);
      return grey(context, side);
    };
    const x = (side - width * scale) / 2, y = (side - height * scale) / 2, first = place(x, y);
    const mass = first.reduce((sum, value) => sum + value, 0);
    const middle = (along) => first.reduce((sum, value, i) => sum + value * (along(i) + 0.5), 0) / mass - side / 2;
    const across = middle((i) => i % side), down = middle((i) => Math.floor(i / side));
    return place(x - Math.round(across), y - Math.round(down));
  }

  /** The box of all that is drawn. */
  #ink() {
    const { width, height } = this.canvas, { data } = this.context.getImageData(0, 0, width, height);
    let [left, top, right, bottom] = [width, height, -1, -1];
    for (let at = 0; at < width * height; ++at) {
      if (data[4 * at] < 32) continue;
      const x = at % width, y = Math.floor(at / width);
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
    return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  #begin(place) {
    this.last = place;
    this.#line(place);
  }

  #line(to) {
    const { width, height } = this.canvas, from = this.last;
    Object.assign(this.context, { strokeStyle: "#fff", lineWidth: PEN * width, lineCap: "round", lineJoin: "round" });
    this.context.beginPath();
    this.context.moveTo(from.x * width, from.y * height);
    this.context.lineTo(to.x * width, to.y * height);
    this.context.stroke();
    this.last = this.point = to;
  }

  #end() {
    if (!this.last) return;
    this.last = null;
    this.down = false;
    this.drawn();
  }

  #key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!moves && event.key !== " ") return;
    event.preventDefault();
    if (event.key === " ") {
      this.down = !this.down;
      if (this.down) this.#begin(this.point);
      else this.#end();
      return;
    }
    const inside = (value) => Math.min(1, Math.max(0, value));
    const to = { x: inside(this.point.x + STEP * moves[0]), y: inside(this.point.y + STEP * moves[1]) };
    if (this.down) this.#line(to);
    this.point = to;
    this.canvas.setAttribute("aria-label", `Drawing area, pen ${this.down ? "down" : "up"} at column ${Math.round(28 * to.x)}, row ${Math.round(28 * to.y)}`);
  }
}

/** An empty black picture of side x side pixels. */
function blank(side) {
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(context, { fillStyle: "#000", imageSmoothingQuality: "high" });
  context.fillRect(0, 0, side, side);
  return [canvas, context];
}

/** The bytes of a grey picture. */
function grey(context, side) {
  return context.getImageData(0, 0, side, side).data.filter((_, i) => i % 4 === 0);
}
