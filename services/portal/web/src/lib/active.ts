// Whether somebody is at the screen. What the page asks by itself keeps a session from going idle, so it asks only while
// there is somebody to show the answer to.

let last = Date.now();

if (typeof window !== "undefined") {
  const note = () => {
    last = Date.now();
  };
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "focus"]) {
    window.addEventListener(kind, note, { passive: true, capture: true });
  }
}

/** Milliseconds since the last sign of a person. */
export const idleFor = (now = Date.now()) => now - last;

const patience = 5 * 60_000;

/** An interval for asking again, until nobody has been there for five minutes. */
export const whileSomebodyLooks = (ms: number) => () => (idleFor() < patience ? ms : false);
