// One rater's session. Both pictures of a pair come in one video, whose halves are drawn on two canvases: they cannot fall out of step.
"use strict";

const $ = (id) => document.getElementById(id);
const video = $("video"), buttons = [...document.querySelectorAll("[data-choice]")];
const REST_MS = 500, AGAIN_MS = 1500, CALM_MS = 350;  // CALM: the second click of a double click is no answer to the next pair
let question = "", tasks = [], at = -1, saving = false, opened = 0, seen = new Set(), resting = 0, retry = 0;

async function ask(method, path, body) {
  const reply = await fetch(path, {
    method, cache: "no-store",
    headers: body ? { "Content-Type": "application/json" } : {}, body: body ? JSON.stringify(body) : undefined,
  });
  const told = await reply.json().catch(() => ({}));
  if (!reply.ok) throw Object.assign(new Error(told.error || `the server answered ${reply.status}`), { status: reply.status });
  return told;
}

function show(id) {
  for (const part of ["welcome", "asking", "done"]) $(part).hidden = part !== id;
  if (id !== "asking") { video.pause(); clearTimeout(resting); }
}

function welcome(notice) {
  tasks = []; at = -1;
  $("notice").textContent = notice || "";
  $("notice").hidden = !notice;
  $("begin").disabled = false;
  show("welcome");
}

function say(text, warn) {
  $("status").textContent = text || "";
  $("status").classList.toggle("warn", Boolean(warn));
}

const firstOpen = () => { const i = tasks.findIndex((task) => !task.choice); return i < 0 ? tasks.length : i; };

function take(state) {
  question = state.question;
  tasks = state.tasks;
  at = -1;
  history.replaceState({ place: firstOpen() }, "");
  open(firstOpen());
}

// Shows the pair at a place, or the end after the last one.
function open(place) {
  clearTimeout(retry);
  saving = false;
  opened = performance.now();
  at = Math.min(place, tasks.length);
  if (at === tasks.length) {
    $("kept").textContent = `All ${tasks.length} answers are kept.`;
    show("done");
    $("done").querySelector("h1").focus();
    return;
  }
  const task = tasks[at];
  $("place").textContent = `Pair ${at + 1} of ${tasks.length}`;
  $("bar").value = tasks.filter((one) => one.choice).length / tasks.length;
  $("question").textContent = question;
  say(task.choice ? "You have answered this pair; choosing again changes it." : "Watch both to the end once, then choose.");
  mark();
  show("asking");
  $("question").focus({ preventScroll: true });
  clearTimeout(resting);
  for (const side of ["left", "right"]) { const c = $(side); c.getContext("2d").clearRect(0, 0, c.width, c.height); }
  video.src = task.video;
  play();
  if (at + 1 < tasks.length) fetch(tasks[at + 1].video).catch(() => {});  // the next one is then there at once
}

function mark() {
  const task = tasks[at], ready = (task.choice || seen.has(task.id)) && !saving;
  for (const button of buttons) {
    button.disabled = !ready;
    button.setAttribute("aria-pressed", String(button.dataset.choice === task.choice));
  }
}

function play() {
  $("play").hidden = true;
  video.play().catch((error) => { if (error.name !== "AbortError") $("play").hidden = false; });
}

function draw() {
  const width = video.videoWidth / 2, height = video.videoHeight;
  if (at >= 0 && at < tasks.length && video.readyState >= 2 && width) {
    const halves = tasks[at].mirrored ? [width, 0] : [0, width];
    ["left", "right"].forEach((side, i) => {
      const canvas = $(side);
      if (canvas.width !== width || canvas.height !== height) {
        canvas.width = width; canvas.height = height; canvas.style.aspectRatio = `${width} / ${height}`;
      }
      canvas.getContext("2d").drawImage(video, halves[i], 0, width, height, 0, 0, width, height);
    });
  }
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(draw); else requestAnimationFrame(draw);
}

video.addEventListener("ended", () => {
  if (at < 0 || at >= tasks.length) return;
  if (!seen.has(tasks[at].id)) { seen.add(tasks[at].id); if (!tasks[at].choice) say(""); }
  mark();
  resting = setTimeout(() => { video.currentTime = 0; play(); }, REST_MS);
});
video.addEventListener("error", () => {
  if (at < 0 || at >= tasks.length) return;
  say("The videos could not be loaded; trying again.", true);
  const task = tasks[at];
  resting = setTimeout(() => { if (tasks[at] === task) { video.src = task.video; play(); } }, AGAIN_MS);
});

// Goes on only when the server has confirmed the answer; until then it asks again.
async function choose(choice) {
  const task = tasks[at];
  if (!task || saving || performance.now() - opened < CALM_MS || !(task.choice || seen.has(task.id))) return;
  saving = true;
  mark();
  const place = at;
  try {
    await ask("PUT", `/api/answers/${task.id}`, { choice });
  } catch (error) {
    saving = false;
    if (error.status === 401 || error.status === 404 || error.status === 410) return welcome(error.message);
    if (tasks[at] !== task) return;
    say("Not kept yet; trying again.", true);
    retry = setTimeout(() => { if (tasks[at] === task) choose(choice); }, AGAIN_MS);
    return;
  }
  task.choice = choice;
  saving = false;
  if (at !== place) return;
  history.pushState({ place: place + 1 }, "");
  open(place + 1);
}

buttons.forEach((button) => button.addEventListener("click", () => choose(button.dataset.choice)));
$("play").addEventListener("click", play);
document.addEventListener("keydown", (event) => {
  const choice = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "none" }[event.key];
  if (!choice || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.repeat || $("asking").hidden) return;
  event.preventDefault();
  choose(choice);
});
window.addEventListener("popstate", (event) => {
  if (tasks.length) open(Math.min(event.state?.place ?? firstOpen(), firstOpen()));
});

async function begin() {
  $("begin").disabled = $("another").disabled = true;
  try {
    take(await ask("POST", "/api/raters", {}));
  } catch (error) {
    welcome(error.status ? error.message : "The server does not answer; try again in a moment.");
  }
  $("another").disabled = false;
}
$("begin").addEventListener("click", begin);
$("another").addEventListener("click", begin);

async function start() {
  try {
    take(await ask("GET", "/api/me"));
  } catch (error) {
    if (error.status === 401) welcome();
    else if (error.status === 410) welcome(error.message);
    else { welcome("The server does not answer; this page tries again by itself."); setTimeout(start, 2 * AGAIN_MS); }
  }
}
draw();
start();
