// Playing: the clock. "every" waits for each frame; "real" keeps the rate and counts the frames that were not shown.

export class Player {
  #request = null;
  #due = 0;
  #shown = []; // the moments at which pictures changed, for the measured rate

  // app: next(position, steps) -> position or null, canShow(position), seek(position), drawn(), waits(), stopped(), rate()
  constructor(app) {
    this.app = app;
    this.direction = 0; // -1, 0 or 1
    this.speed = 1;
    this.timing = "every";
    this.dropped = 0;
    this.waiting = false;
  }

  get playing() { return this.direction !== 0; }

  // As on a shuttle: the same direction again is faster, up to eight times.
  shuttle(direction) {
    if (this.direction === direction) this.speed = Math.min(this.speed * 2, 8);
    else this.play(direction);
  }

  play(direction = 1) {
    this.direction = direction;
    this.speed = 1;
    this.dropped = 0;
    this.#shown = [];
    this.#due = performance.now();
    this.#request ??= requestAnimationFrame((now) => this.#tick(now));
  }

  stop() {
    if (!this.playing) return;
    this.direction = 0;
    this.waiting = false;
    this.app.stopped();
  }

  toggle() { if (this.playing) this.stop(); else this.play(1); }

  // Frames per second that were shown lately; null while there are too few to know.
  get measured() {
    const { length } = this.#shown;
    return length > 4 ? (1000 * (length - 1)) / (this.#shown[length - 1] - this.#shown[0]) : null;
  }

  drew(now) {
    this.#shown.push(now);
    while (this.#shown.length > 2 && now - this.#shown[0] > 1500) this.#shown.shift();
  }

  #tick(now) {
    this.#request = null;
    if (!this.playing) return;
    const interval = 1000 / (this.app.rate() * this.speed);
    if (now + 1 >= this.#due) {
      if (this.timing === "every") this.#nextFrame(now, interval);
      else this.#nextMoment(now, interval);
    }
    if (this.playing) this.#request = requestAnimationFrame((later) => this.#tick(later));
  }

  #nextFrame(now, interval) {
    const next = this.app.next(this.direction);
    if (next === null) { this.stop(); return; }
    const waiting = !this.app.canShow(next);
    if (waiting !== this.waiting) {
      this.waiting = waiting;
      this.app.waits();
    }
    if (waiting) return;
    // A late frame does not hurry the next ones by more than one interval.
    this.#due = Math.max(this.#due + interval, now - interval);
    this.app.seek(next);
  }

  #nextMoment(now, interval) {
    const steps = Math.floor((now + 1 - this.#due) / interval) + 1;
    this.#due += steps * interval;
    this.dropped += steps - 1 + (this.app.drawn() ? 0 : 1);
    const next = this.app.next(this.direction * steps);
    if (next === null) { this.stop(); return; }
    this.app.seek(next);
  }
}
