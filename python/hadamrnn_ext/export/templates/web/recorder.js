// Runs beside the page, where sound comes in: hands samples on, some at a time.

const SAMPLES = 1024;

registerProcessor("recorder", class extends AudioWorkletProcessor {
  kept = new Float32Array(SAMPLES);
  count = 0;

  process([[channel]]) {
    for (const sample of channel ?? []) {
      this.kept[this.count++] = sample;
      if (this.count === SAMPLES) {
        this.port.postMessage(this.kept.slice());
        this.count = 0;
      }
    }
    return true;
  }
});
