// The points of a motion over its video, on a time line: drag them, make the motion stronger, faster, mix it with another mode.
// What is shown follows edits.py: mixed, strengthened, dragged; the speed changes nothing but the time. Coordinates are the motion's pixels.
class LimnerEditor extends HTMLElement {
  async connectedCallback() {
    if (this.built) return;
    this.built = true;
    this.lines = JSON.parse(this.dataset.lines);
    this.names = JSON.parse(this.dataset.names);
    this.motions = await Promise.all(JSON.parse(this.dataset.motions).map((url) => fetch(url).then((answer) => answer.json())));
    [this.motion] = this.motions;
    this.edits = { mix: 0, other: null, strength: 1, speed: 1, drags: [] };
    this.frame = 0;
    this.point = 54; // the left corner of the lips
    this.unit = LimnerEditor.distance(this.motion.frames[0][36], this.motion.frames[0][45]);
    this.face = this.square();
    this.build();
    this.zoom(true);
    this.tell();
  }

  static distance(a, b) {
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  }

  // x, y and side of a square round all places of all points, as far as the picture reaches.
  square() {
    const all = this.motion.frames.flat();
    const [x, y] = [0, 1].map((i) => all.map((p) => p[i]));
    const low = [x, y].map((v) => v.reduce((a, b) => Math.min(a, b)));
    const high = [x, y].map((v) => v.reduce((a, b) => Math.max(a, b)));
    const side = Math.min(1.5 * Math.max(high[0] - low[0], high[1] - low[1]), ...this.motion.size);
    const from = [0, 1].map((i) => Math.min(Math.max(0, (low[i] + high[i] - side) / 2), this.motion.size[i] - side));
    return [...from, side];
  }

  // Shows the face alone, or the whole picture.
  zoom(near) {
    const [width, height] = this.motion.size;
    const [x, y, w, h] = near ? [this.face[0], this.face[1], this.face[2], this.face[2]] : [0, 0, width, height];
    const stage = this.querySelector(".lm-stage");
    stage.style.setProperty("--shape", w / h);
    Object.assign(stage.firstElementChild.style, {
      width: `${(100 * width) / w}%`,
      height: `${(100 * height) / h}%`,
      left: `${(-100 * x) / w}%`,
      top: `${(-100 * y) / h}%`,
    });
    this.querySelector(".lm-zoom").setAttribute("aria-pressed", String(near));
    this.draw();
  }

  // (T, K, 2) of another motion -> its points at one of `num` frames: first and last stay, straight lines between.
  static stretched(frames, frame, num) {
    if (frames.length === num || num < 2) return frames[Math.min(frame, frames.length - 1)];
    const at = (frame * (frames.length - 1)) / (num - 1);
    const low = Math.min(Math.floor(at), Math.max(0, frames.length - 2));
    const high = Math.min(low + 1, frames.length - 1);
    return frames[low].map((p, k) => [0, 1].map((i) => p[i] * (1 - (at - low)) + frames[high][k][i] * (at - low)));
  }

  mixed(frame) {
    const { mix, other } = this.edits;
    const own = this.motion.frames[frame];
    if (other === null || mix === 0) return own;
    const second = this.motions[other];
    const scale = [0, 1].map((i) => this.motion.size[i] / second.size[i]);
    const theirs = LimnerEditor.stretched(second.frames, frame, this.motion.frames.length);
    return own.map((p, k) => [0, 1].map((i) => (1 - mix) * p[i] + mix * theirs[k][i] * scale[i]));
  }

  // The (K, 2) edited points of a frame; `more`: a drag that is not let go of yet.
  points(frame, more = null) {
    const rest = this.mixed(0);
    const moved = this.mixed(frame).map((p, k) => [0, 1].map((i) => rest[k][i] + this.edits.strength * (p[i] - rest[k][i])));
    for (const drag of more ? [...this.edits.drags, more] : this.edits.drags) {
      const then = Math.exp(-0.5 * ((frame - drag.frame) / drag.spread) ** 2);
      moved.forEach((p, k) => {
        const near = Math.exp(-0.5 * (LimnerEditor.distance(rest[k], rest[drag.point]) / (drag.reach * this.unit)) ** 2);
        p[0] += then * near * drag.dx;
        p[1] += then * near * drag.dy;
      });
    }
    return moved;
  }

  build() {
    const slider = (key, words, min, max, step, value) =>
      `<label class="lm-slide"><span>${words}</span><input type="range" data-key="${key}" min="${min}" max="${max}" step="${step}" value="${value}">` +
      `<output>${value}</output></label>`;
    const others = JSON.parse(this.dataset.others);
    const choices = others.map((name, i) => `<option value="${i + 1}"></option>`).join("");
    this.innerHTML =
      `<div class="lm-stage"><div class="lm-inner"><video muted playsinline preload="auto" aria-hidden="true"></video>` +
      `<canvas tabindex="0" role="application" aria-label="The points over the photo. Brackets choose a point, arrow keys move it."></canvas></div></div>` +
      `<div class="lm-controls"><button type="button" class="lm-play">Play</button>` +
      `<input type="range" class="lm-seek" min="0" max="${this.motion.frames.length - 1}" value="0" aria-label="frame">` +
      `<output class="lm-time"></output><button type="button" class="lm-zoom" aria-pressed="true">Face</button></div>` +
      `<p class="lm-chosen" aria-live="polite"></p><div class="lm-slides">` +
      slider("strength", "Strength", 0, 2, 0.05, 1) +
      slider("speed", "Speed", 0.25, 4, 0.05, 1) +
      (others.length ? slider("mix", "Mix with <select aria-label='the motion to mix with'>" + choices + "</select>", 0, 1, 0.05, 0) : "") +
      slider("reach", "A drag takes along points within", 0.02, 0.6, 0.02, 0.12) +
      slider("spread", "and frames within", 0.5, 20, 0.5, 4) +
      `</div><div class="lm-controls"><button type="button" class="lm-undo">Undo the last drag</button>` +
      `<button type="button" class="lm-reset">Reset everything</button></div>`;
    const select = this.querySelector("select");
    if (select) others.forEach((name, i) => (select.options[i].textContent = name));
    this.video = this.querySelector("video");
    this.video.src = this.dataset.video;
    this.canvas = this.querySelector("canvas");
    this.seek = this.querySelector(".lm-seek");
    this.fps = this.motion.frames.length > 1 ? Number(this.dataset.fps) : 25;
    this.seek.addEventListener("input", () => this.show(Number(this.seek.value)));
    this.querySelector(".lm-play").addEventListener("click", () => (this.video.paused ? this.play() : this.video.pause()));
    this.video.addEventListener("pause", () => (this.querySelector(".lm-play").textContent = "Play"));
    this.querySelectorAll("[data-key]").forEach((input) => input.addEventListener("input", () => this.slide(input)));
    select?.addEventListener("change", () => this.slide(this.querySelector("[data-key=mix]")));
    this.querySelector(".lm-zoom").addEventListener("click", (event) => this.zoom(event.target.getAttribute("aria-pressed") !== "true"));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    this.querySelector(".lm-undo").addEventListener("click", () => (this.edits.drags.pop(), this.changed()));
    this.querySelector(".lm-reset").addEventListener("click", () => this.reset());
    this.canvas.addEventListener("pointerdown", (event) => this.grab(event));
    this.canvas.addEventListener("pointermove", (event) => this.drag(event));
    this.canvas.addEventListener("pointerup", () => this.release());
    this.canvas.addEventListener("pointercancel", () => ((this.held = null), this.draw()));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  value(key) {
    return Number(this.querySelector(`[data-key=${key}]`).value);
  }

  slide(input) {
    const key = input.dataset.key;
    input.nextElementSibling.textContent = input.value;
    if (key in this.edits) this.edits[key] = Number(input.value);
    if (key === "mix") this.edits.other = Number(this.querySelector("select").value);
    this.changed();
  }

  reset() {
    this.edits = { mix: 0, other: null, strength: 1, speed: 1, drags: [] };
    for (const [key, value] of [["mix", 0], ["strength", 1], ["speed", 1]]) {
      const input = this.querySelector(`[data-key=${key}]`);
      if (input) [input.value, input.nextElementSibling.textContent] = [value, value];
    }
    this.changed();
  }

  show(frame) {
    this.video.pause();
    this.frame = frame;
    this.seek.value = frame;
    this.video.currentTime = (frame + 0.5) / this.fps;
    this.draw();
  }

  play() {
    this.querySelector(".lm-play").textContent = "Pause";
    this.video.playbackRate = this.edits.speed;
    this.video.loop = true;
    this.video.play();
    const tick = () => {
      if (!this.isConnected || this.video.paused) return;
      this.frame = Math.min(Math.floor(this.video.currentTime * this.fps + 1e-3), this.motion.frames.length - 1);
      this.seek.value = this.frame;
      this.draw();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.motion.size[0] / box.width;
    return { at: [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale], scale };
  }

  grab(event) {
    const { at, scale } = this.place(event);
    const points = this.points(this.frame);
    const apart = points.map((p) => LimnerEditor.distance(p, at));
    const nearest = apart.indexOf(Math.min(...apart));
    if (apart[nearest] > 28 * scale) return;
    this.video.pause();
    this.point = nearest;
    this.canvas.setPointerCapture(event.pointerId);
    this.held = { from: at, drag: { ...this.fresh(), dx: 0, dy: 0 } };
    this.draw();
  }

  fresh() {
    return { frame: this.frame, point: this.point, reach: this.value("reach"), spread: this.value("spread") };
  }

  drag(event) {
    if (!this.held) return;
    const { at } = this.place(event);
    [this.held.drag.dx, this.held.drag.dy] = [at[0] - this.held.from[0], at[1] - this.held.from[1]];
    this.draw();
  }

  release() {
    const held = this.held;
    this.held = null;
    if (held && (held.drag.dx || held.drag.dy)) this.edits.drags.push(held.drag);
    this.changed();
  }

  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const num = this.names.length;
    if (event.key === "[" || event.key === "]") this.point = (this.point + (event.key === "]" ? 1 : num - 1)) % num;
    else if (step) this.nudge(step.map((v) => v * (event.shiftKey ? 5 : 1)));
    else return;
    event.preventDefault();
    this.changed();
  }

  nudge([dx, dy]) {
    const last = this.edits.drags.at(-1);
    if (last && last.frame === this.frame && last.point === this.point) [last.dx, last.dy] = [last.dx + dx, last.dy + dy];
    else this.edits.drags.push({ ...this.fresh(), dx, dy });
  }

  changed() {
    this.draw();
    this.tell();
  }

  // Hands the edits to the page, which sends them along with the button.
  tell() {
    const field = document.querySelector("#edit-state textarea, #edit-state input");
    if (!field) return;
    field.value = JSON.stringify(this.edits);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  draw() {
    const [width, height] = this.motion.size;
    const shown = this.canvas.clientWidth;
    if (!shown) return;
    const fine = Math.min(4096, shown * devicePixelRatio) / width; // canvas pixels a picture's pixel
    [this.canvas.width, this.canvas.height] = [Math.round(width * fine), Math.round(height * fine)];
    const paint = this.canvas.getContext("2d");
    paint.scale(fine, fine);
    const points = this.points(this.frame, this.held?.drag);
    const thin = width / shown; // one pixel of the page
    paint.lineWidth = thin;
    paint.strokeStyle = "#5aff78";
    for (const chain of this.lines) {
      paint.beginPath();
      chain.forEach((k, i) => (i ? paint.lineTo(...points[k]) : paint.moveTo(...points[k])));
      paint.stroke();
    }
    const dot = (k, size, colour) => {
      paint.fillStyle = colour;
      paint.beginPath();
      paint.arc(...points[k], size, 0, 2 * Math.PI);
      paint.fill();
    };
    points.forEach((_, k) => dot(k, 2.5 * thin, "#ffffff"));
    dot(this.point, 5 * thin, "#ff4d4d");
    const second = (this.frame / this.fps).toFixed(2);
    this.querySelector(".lm-time").textContent = `${second} s`;
    this.seek.setAttribute("aria-valuetext", `${second} seconds`);
    const { drags } = this.edits;
    this.querySelector(".lm-chosen").textContent = `Chosen: ${this.names[this.point].replaceAll("_", " ")}. ${drags.length} drag${drags.length === 1 ? "" : "s"}.`;
  }
}
customElements.define("limner-editor", LimnerEditor);
