// The page: from what is typed or dragged to a call, and from its answer to what is shown.

import { Latest, call, trouble } from "./api.js";
import { showAnswer, showNotice, showRefusal } from "./answer.js";
import { $, announce, control, copy, debounced, domain, el, fieldOf } from "./dom.js";
import { Plots } from "./plots.js";
import { showCalls } from "./snippets.js";
import { startTable } from "./table.js";

const TYPING_MS = 120;
const SLOW_MS = 500;
const SHARED_MS = 300;

const form = $("form");
const plots = new Plots();
const path = domain.explains ? "predict?explain=true" : "predict?details=true";
let needsToken = false;
let retry;

/** The document for the API. A field that is empty is left out, so that the API says what is missing. */
function read() {
  const values = {};
  for (const { name, values: categories } of domain.fields) {
    const value = categories ? control(name).querySelector(":checked")?.value : control(name).valueAsNumber;
    if (categories ? value : Number.isFinite(value)) values[name] = value;
  }
  return values;
}

function write(values) {
  for (const field of domain.fields) {
    if (!(field.name in values)) continue;
    const place = control(field.name);
    if (field.values) {
      const choice = [...place.querySelectorAll("input, option")].find((one) => one.value === values[field.name]);
      choice.checked = choice.selected = true;
    } else {
      place.value = values[field.name];
      moveSlider(field.name);
    }
  }
}

const slider = (name) => document.querySelector(`[data-slider="${name}"]`);

/** A slider covers what is usual; for a value beyond that it stands at its end and says so. */
function moveSlider(name) {
  const range = slider(name);
  if (!range) return;
  const value = control(name).valueAsNumber;
  range.value = value;
  const beyond = value < Number(range.min) || value > Number(range.max);
  range.classList.toggle("beyond", beyond);
  range.setAttribute("aria-valuetext", `${value} ${fieldOf(name).unit}`.trim());
}

const address = () => new URLSearchParams(Object.entries(read())).toString();

// In the fragment, which browsers do not send: what somebody tries out is in no log.
const share = debounced(() => history.replaceState(null, "", `#${address()}`), SHARED_MS);

function fromAddress() {
  const values = {};
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const field = fieldOf(name);
    if (!field) continue;
    if (field.values?.includes(value)) values[name] = value;
    else if (!field.values && value.trim() && Number.isFinite(Number(value))) values[name] = Number(value);
  }
  write(values);
}

const latest = new Latest(async (values) => {
  const slow = setTimeout(() => $("answer").setAttribute("aria-busy", "true"), SLOW_MS);
  const answer = await call(path, values);
  clearTimeout(slow);
  $("answer").removeAttribute("aria-busy");
  return answer;
}, show);

function predict() {
  clearTimeout(retry);
  const values = read();
  showCalls(values, needsToken);
  latest.push(values);
}

const typed = debounced(predict, TYPING_MS);

/** Takes values into the form, as an example or a correction, and predicts them. */
function use(values) {
  write(values);
  share();
  predict();
}

function correct(values) {
  use(values);
  $("answer").focus({ preventScroll: true }); // The button that was pressed is about to go.
}

function show(answer, values) {
  if (answer.status === 200) {
    showAnswer(answer.body, values, correct);
    plots.show(values, answer.body.explanation?.neighbours);
  } else if (answer.status === 422 && answer.body) {
    showRefusal(answer.body, values, correct);
    plots.show(values);
  } else {
    showTrouble(answer);
  }
}

function showTrouble(answer) {
  const problem = trouble(answer);
  if (problem.token) {
    needsToken = true;
    showCalls(read(), needsToken);
    showNotice(
      el("p", {}, el("strong", {}, "This service is private. "), "A browser has no token. "),
      el("p", {}, "Call it from a program, with a token as below. Or let gcloud add one, at http://localhost:8080:"),
      el("pre", { tabindex: "0" }, "gcloud run services proxy SERVICE --region REGION --port 8080"),
    );
  } else {
    const again = el("button", { type: "button" }, "Try again");
    again.addEventListener("click", predict);
    const stale = $("source").textContent ? " The answer shown is from before." : "";
    showNotice(el("p", {}, problem.text, stale), again);
    if (problem.retryS) retry = setTimeout(predict, problem.retryS * 1000);
  }
  announce($("notice").textContent);
}

form.addEventListener("input", (event) => {
  const name = event.target.dataset.slider;
  if (name) control(name).value = event.target.value;
  moveSlider(name ?? event.target.name);
  share();
  if (name || event.target.type === "radio") predict();
  else typed();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  predict();
});
document.addEventListener("click", ({ target }) => {
  if (target.dataset?.example) use(domain.examples[target.dataset.example]);
  if (target.dataset?.copy) copy($(target.dataset.copy).textContent, target);
});
$("copy-link").addEventListener("click", (event) => {
  history.replaceState(null, "", `#${address()}`);
  copy(location.href, event.target);
});
addEventListener("hashchange", () => {
  fromAddress();
  predict();
});
addEventListener("online", predict);
// While the form is on the screen and the answer is not, a line at the bottom has it.
const visible = new Map();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) visible.set(entry.target, entry.isIntersecting);
  $("glance").hidden = visible.get($("bars")) || !visible.get(form);
});
for (const element of [$("bars"), form]) watcher.observe(element);

form.noValidate = true; // The API says what is wrong, in the same words for everyone.
fromAddress();
domain.fields.forEach((field) => moveSlider(field.name));
predict();
if (domain.reference) plots.load();
startTable();
