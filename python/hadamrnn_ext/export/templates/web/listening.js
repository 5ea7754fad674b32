// Sound from the microphone or a file, as samples at the rate of the model.

const QUARTER = 16; // zero crossings of the filter on each side

/** The samples of a sound file of any kind that the browser knows, the mean of its channels, `rate` per second. */
export async function decoded(file, rate) {
  const sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await file.arrayBuffer());
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
  return Float32Array.from(channels[0], (_, t) => channels.reduce((sum, channel) => sum + channel[t], 0) / channels.length);
}

/** Opens the microphone. Calls `take` with samples as they come; returns a function that closes it. */
export async function microphone(rate, take) {
  if (!navigator.mediaDevices) throw new Error("this page may not use a microphone; expected a page from https or this computer");
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true },
  });
  const context = new AudioContext();
  await context.audioWorklet.addModule(new URL("./recorder.js", import.meta.url));
  const recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  const resampler = new Resampler(context.sampleRate, rate);
  recorder.port.onmessage = (event) => take(resampler.push(event.data));
  context.createMediaStreamSource(stream).connect(recorder);
  await context.resume();
  return () => {
    recorder.port.onmessage = null;
    stream.getTracks().forEach((track) => track.stop());
    context.close();
  };
}

/** Changes the rate of samples as they come, by a low-pass filter: a sinc under a Hann window. */
export class Resampler {
  constructor(from, to) {
    this.step = from / to; // input samples per output sample
    this.cut = Math.min(1, to / from);
    this.reach = QUARTER / this.cut; // input samples on each side
    this.kept = new Float32Array(Math.ceil(this.reach)); // silence before the first sample
    this.at = this.kept.length; // of the next output sample, in `kept`
  }

  push(samples) {
    if (this.step === 1) return samples;
    const all = new Float32Array(this.kept.length + samples.length);
    all.set(this.kept);
    all.set(samples, this.kept.length);
    const found = [];
    for (; this.at + this.reach < all.length; this.at += this.step) {
      let sum = 0;
      for (let i = Math.ceil(this.at - this.reach); i < this.at + this.reach; ++i) sum += all[i] * this.#weight(i - this.at);
      found.push(sum);
    }
    const first = Math.max(0, Math.floor(this.at - this.reach));
    this.kept = all.slice(first);
    this.at -= first;
    return Float32Array.from(found);
  }

  #weight(distance) {
    const x = Math.PI * distance * this.cut;
    const sinc = x === 0 ? 1 : Math.sin(x) / x;
    return this.cut * sinc * (0.5 + 0.5 * Math.cos((Math.PI * distance) / this.reach));
  }
}
