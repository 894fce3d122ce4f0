// Videos in step: one button, one bar and one time for all of them. Keys: space plays, arrows step a frame, Home and End.
class LimnerPlayer extends HTMLElement {
  connectedCallback() {
    if (this.built) return;
    this.built = true;
    this.fps = Number(this.dataset.fps) || 25;
    this.videos = [...this.querySelectorAll("video")];
    const bar = document.createElement("div");
    bar.className = "lm-controls";
    bar.innerHTML =
      '<button type="button" class="lm-play">Pause</button>' +
      '<input type="range" class="lm-seek" min="0" max="0" step="1" value="0" aria-label="frame">' +
      '<output class="lm-time">0.00 s</output>' +
      (this.dataset.sound ? '<button type="button" class="lm-sound" aria-pressed="false">Sound</button>' : "");
    this.append(bar);
    this.button = bar.querySelector(".lm-play");
    this.seek = bar.querySelector(".lm-seek");
    this.time = bar.querySelector(".lm-time");
    this.button.addEventListener("click", () => (this.playing ? this.pause() : this.play()));
    this.seek.addEventListener("input", () => this.show(Number(this.seek.value)));
    bar.querySelector(".lm-sound")?.addEventListener("click", (event) => {
      const on = this.videos[0].muted;
      this.videos[0].muted = !on;
      event.target.setAttribute("aria-pressed", String(on));
    });
    this.addEventListener("keydown", (event) => this.key(event));
    this.videos.forEach((video) => video.addEventListener("loadedmetadata", () => {
      video.parentElement.style.setProperty("--ar", video.videoWidth / video.videoHeight);
      this.measure();
    }));
    this.measure();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.pause();
    else this.play();
    this.tick = () => {
      if (!this.isConnected) return;
      this.follow();
      requestAnimationFrame(this.tick);
    };
    requestAnimationFrame(this.tick);
  }

  // The longest video leads; the others hold their last frame when they are over.
  measure() {
    const known = this.videos.filter((video) => video.duration > 0);
    this.leader = known.reduce((a, b) => (a && a.duration >= b.duration ? a : b), null);
    if (!this.leader) return;
    this.seek.max = String(Math.max(0, Math.round(this.leader.duration * this.fps) - 1));
    if (this.playing && this.leader.paused) this.play();
  }

  play() {
    this.playing = true;
    this.button.textContent = "Pause";
    this.videos.forEach((video) => video.ended || video.play().catch(() => {}));
  }

  pause() {
    this.playing = false;
    this.button.textContent = "Play";
    this.videos.forEach((video) => video.pause());
  }

  show(frame) {
    this.pause();
    const second = (frame + 0.5) / this.fps; // the middle of a frame: no rounding can show its neighbour
    this.videos.forEach((video) => (video.currentTime = Math.min(second, Math.max(0, video.duration - 0.5 / this.fps) || second)));
    this.tell(frame);
  }

  follow() {
    if (!this.playing || !this.leader) return;
    if (this.leader.ended) {
      this.videos.forEach((video) => (video.currentTime = 0));
      this.play();
    }
    const now = this.leader.currentTime;
    for (const video of this.videos) {
      if (video === this.leader || video.ended || now >= video.duration) continue;
      if (Math.abs(video.currentTime - now) > 1.5 / this.fps) video.currentTime = now;
      if (video.paused) video.play().catch(() => {});
    }
    this.tell(Math.min(Math.floor(now * this.fps + 1e-3), Number(this.seek.max)));
  }

  tell(frame) {
    const second = frame / this.fps;
    this.seek.value = String(frame);
    this.seek.setAttribute("aria-valuetext", `${second.toFixed(2)} seconds`);
    this.time.textContent = `${second.toFixed(2)} s`;
    this.frame = frame;
    document.querySelectorAll(`#${this.dataset.plots || "none"} .lm-plot`).forEach((plot) => {
      const { left, right, seconds } = plot.dataset;
      const x = Number(left) + (Number(right) - Number(left)) * Math.min(1, second / Number(seconds));
      const line = plot.querySelector(".lm-now");
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    });
    this.dispatchEvent(new CustomEvent("limner-frame", { detail: frame, bubbles: true }));
  }

  key(event) {
    if (event.target.closest("a, .lm-sound")) return;
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
    if (event.key === " ") this.playing ? this.pause() : this.play();
    else if (step !== undefined) this.show(Math.max(0, Math.min(Number(this.seek.max), (this.frame || 0) + step)));
    else return;
    event.preventDefault();
  }
}
customElements.define("limner-player", LimnerPlayer);

// What is shown holds still while the next is made: playing takes from the very processor that renders.
document.addEventListener("click", (event) => {
  if (event.target.closest('[id$="-make"], [id$="-example"]')) document.querySelectorAll("limner-player").forEach((player) => player.pause());
});
