// The API's own description, drawn: every operation with its parameters, each to be tried out. Nothing is asked of another server.
"use strict";

const $ = (id) => document.getElementById(id);
const make = (tag, more = {}, ...children) => { const node = Object.assign(document.createElement(tag), more); node.append(...children); return node; };
const plain = (schema) => schema.anyOf ? schema.anyOf.find((one) => one.type !== "null") || {} : schema;
const headers = () => ($("token").value ? { Authorization: `Bearer ${$("token").value}` } : {});

function field(parameter) {
  const schema = plain(parameter.schema), value = parameter.schema.default;
  const range = [schema.minimum ?? schema.exclusiveMinimum, schema.maximum ?? schema.exclusiveMaximum];
  const said = parameter.description || parameter.schema.description || (range.some((end) => end !== undefined) ? (range[1] < 1e9 ? range.join(" to ") : `from ${range[0]} on`) : "");
  let input;
  const choices = schema.enum || (schema.type === "boolean" ? ["false", "true"] : null);
  if (choices) {
    input = make("select", {}, ...(value == null ? [make("option", { value: "", textContent: "(as usual)" })] : []), ...choices.map((one) => make("option", { textContent: one })));
    if (value != null) input.value = String(value);
  } else {
    input = make("input", { type: ["integer", "number"].includes(schema.type) ? "number" : "text", step: "any", value: value ?? "", required: Boolean(parameter.required) });
  }
  input.name = parameter.name;
  input.dataset.in = parameter.in;
  return make("label", {}, parameter.name + (parameter.required ? " *" : ""), input, make("small", { textContent: said }));
}

function operation(path, method, told) {
  const fields = make("div", { className: "fields" }, ...(told.parameters || []).map(field));
  const form = make("form", {}, fields);
  if (told.requestBody) {
    const types = Object.keys(told.requestBody.content);
    fields.prepend(make("label", {}, "the file *", make("input", { type: "file", name: "body", required: true, accept: types.filter((one) => !one.startsWith("application/octet")).join(",") }), make("small", { textContent: types.join(", ") })));
  }
  form.append(make("button", { textContent: "Send" }));
  const answer = make("div", { className: "answer" });
  answer.setAttribute("role", "status");
  form.append(answer);
  form.addEventListener("submit", (event) => { event.preventDefault(); send(path, method, form, answer); });
  const title = make("summary", {}, make("b", { textContent: method.toUpperCase() }), make("code", { textContent: path }), make("span", { textContent: (told.description || told.summary || "").split("\n")[0] }));
  return make("details", {}, title, form);
}

async function send(path, method, form, answer) {
  const query = new URLSearchParams();
  let body, type = {};
  for (const input of form.querySelectorAll("[name]")) {
    if (input.type === "file") { body = input.files[0]; type = { "Content-Type": body.type || "application/octet-stream" }; }
    else if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (input.value !== "") query.set(input.name, input.value);
  }
  const url = path + (query.size ? `?${query}` : "");
  answer.replaceChildren("…");
  try {
    const reply = await fetch(url, { method: method.toUpperCase(), body, headers: { ...headers(), ...type } });
    await show(reply, answer);
  } catch (error) {
    answer.replaceChildren(make("p", { className: "bad", textContent: `no answer: ${error.message}` }));
  }
}

async function show(reply, answer) {
  const type = reply.headers.get("content-type") || "";
  if (type.startsWith("video/") || type.startsWith("image/")) {
    const src = URL.createObjectURL(await reply.blob());
    answer.replaceChildren(type.startsWith("video/") ? make("video", { src, controls: true, loop: true, muted: true }) : make("img", { src, alt: "the result" }));
    return;
  }
  const text = await reply.text();
  let told = text;
  try { told = JSON.stringify(JSON.parse(text), null, 1); } catch { /* no JSON: as it is */ }
  answer.replaceChildren(make("pre", { textContent: `${reply.status} ${reply.statusText}\n${told}`, className: reply.ok ? "" : "bad" }));
}

async function start() {
  const told = await (await fetch("/openapi.json")).json();
  $("example").textContent = [
    `curl --data-binary @me.jpg -H 'Content-Type: image/jpeg' '${location.origin}/v1/smile?label=posed&modes=3'`,
    `curl ${location.origin}/v1/jobs/ID            # until its state is done`,
    `curl -O ${location.origin}/v1/jobs/ID/files/mode_1.mp4`,
  ].join("\n");
  const groups = new Map();
  for (const [path, methods] of Object.entries(told.paths))
    for (const [method, one] of Object.entries(methods)) {
      const tag = (one.tags || ["other"])[0];
      groups.set(tag, [...(groups.get(tag) || []), operation(path, method, one)]);
    }
  for (const [tag, nodes] of groups) $("operations").append(make("h2", { textContent: tag }), ...nodes);
}
start().catch((error) => $("operations").append(make("p", { className: "bad", textContent: error.message })));
