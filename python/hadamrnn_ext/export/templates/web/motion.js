// The motion of a phone, as steps of 3, 6 or 9 numbers.

const GRAVITY = 9.80665; // metres per second squared
const TURN = Math.PI / 180;
const RATE = 50; // steps per second where the model does not say

/** Whether this device tells of its motion, and the model reads as many numbers as that has. */
export const canMove = (size) => [3, 6, 9].includes(size) && "DeviceMotionEvent" in window && navigator.maxTouchPoints > 0;

/**
 * Calls `take` with a step some times per second; returns a function that ends that.
 *
 * A step is the acceleration with gravity (3), followed by the angular velocity (6); or the acceleration without gravity, the
 * angular velocity, and the acceleration with gravity (9), as in UCI HAR. Accelerations are in metres per second squared, or
 * in units of gravity if that is what the model reads; velocities are in radians per second.
 */
export async function motion({ rate = RATE, gravity = null }, size, take) {
  const asks = DeviceMotionEvent.requestPermission;
  if (asks && (await asks.call(DeviceMotionEvent)) !== "granted") throw new Error("the device does not tell of its motion");
  const unit = gravity ? GRAVITY / gravity : 1;
  let step = null;
  const keep = (event) => {
    const axes = ({ x, y, z }, scale) => [x, y, z].map((value) => (value ?? 0) / scale);
    const { alpha, beta, gamma } = event.rotationRate ?? {};
    const heavy = axes(event.accelerationIncludingGravity ?? {}, unit);
    const turns = axes({ x: beta, y: gamma, z: alpha }, 1 / TURN);
    step = size === 9 ? [...axes(event.acceleration ?? {}, unit), ...turns, ...heavy] : [...heavy, ...turns].slice(0, size);
  };
  window.addEventListener("devicemotion", keep);
  const timer = setInterval(() => step && take(step), 1000 / rate);
  return () => {
    clearInterval(timer);
    window.removeEventListener("devicemotion", keep);
  };
}
