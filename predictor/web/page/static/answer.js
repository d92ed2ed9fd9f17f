// The answer in words, bars and warnings, and what each measurement adds to it.

import { $, announce, capital, colour, control, domain, el, fieldOf } from "./dom.js";

/** Never 0 % or 100 %, which no model can know; document.py does the same. */
export function percent(probability) {
  if (probability > 0.99) return "> 99\u00a0%";
  if (probability < 0.01) return "< 1\u00a0%";
  return `${Math.round(probability * 100)}\u00a0%`;
}

const list = (names) =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;

function sentence(answer) {
  if (!("in_distribution" in answer)) {
    return `The model has no reference ${domain.nouns}, so it cannot say how far to rely on this.`;
  }
  const parts = [];
  const set = answer.prediction_set;
  const coverage = set && `${Math.round(answer.coverage * 1000) / 10}\u00a0%`;
  if (!answer.in_distribution) parts.push(`It is unlike the reference ${domain.nouns}.`);
  if (set?.length > 1) parts.push(`At ${coverage} coverage, ${list(set)} remain possible.`);
  else if (set && !answer.abstain) parts.push(`The ${coverage} prediction set has no other ${domain.label}.`);
  else if (answer.in_distribution && answer.abstain) parts.push("The model is not sure.");
  parts.push(answer.abstain ? "Let a person decide." : `It looks like the reference ${domain.nouns}.`);
  return parts.join(" ");
}

const FITS = /(?:Also, (\w+) fits|Fits) if (?:it was exchanged with (\w+))?(?: and )?(.*?)\.(?= |$)/g;

/** The values that would fit, by field, for messages such as "Fits if it was measured in centimetres." */
function corrections(items, values) {
  const found = {};
  for (const { pointer, message, hint } of items) {
    for (const [, other, exchanged, condition] of (hint ?? message).matchAll(FITS)) {
      const name = other ?? pointer.slice(1);
      const factor = condition ? domain.corrections[fieldOf(name).unit]?.[condition] : 1;
      const value = Number((values[exchanged ?? name] * factor).toPrecision(6));
      if (Number.isFinite(value)) found[name] = value;
    }
  }
  return found;
}

function correctionButtons(items, values, use) {
  const found = corrections(items, values);
  const entries = Object.entries(found);
  if (!entries.length) return [];
  const named = entries.map(([name, value]) => {
    const amount = `${value} ${fieldOf(name).unit}`.trim();
    return entries.length > 1 ? `${fieldOf(name).label} ${amount}` : amount;
  });
  const button = el("button", { type: "button", class: "fix" }, `Use ${list(named)}`);
  button.addEventListener("click", () => use(found));
  return [button];
}

function bars(probabilities) {
  [...$("bars").children].forEach((item, index) => {
    const probability = probabilities?.[domain.classes[index]];
    item.querySelector("progress").value = probability ?? 0;
    item.querySelector(".value").textContent = probability === undefined ? "" : percent(probability);
  });
}

function verdict(label, probability, words) {
  const known = domain.classes.includes(label);
  $("verdict").textContent = label;
  $("verdict").className = known ? colour(label) : "none";
  $("probability").textContent = probability;
  $("sentence").textContent = words;
  $("glance").replaceChildren(el("strong", known ? { class: colour(label) } : {}, label), " ", probability);
}

function effects(explanation) {
  const all = explanation ? Object.values(explanation.contributions) : [];
  const widest = Math.max(0.01, ...all.map(Math.abs));
  $("legend").textContent = explanation
    ? `What each adds to ${explanation.target}, in percentage points. Average: ${percent(explanation.baseline)}.`
    : "";
  for (const place of document.querySelectorAll("[data-effect]")) {
    const value = explanation?.contributions[place.dataset.effect];
    place.replaceChildren();
    if (value === undefined) continue;
    const points = Math.round(value * 100);
    const text = points > 0 ? `+${points}` : points < 0 ? `\u2212${-points}` : "0";
    const bar = el("span", { class: `bar ${colour(explanation.target)}`, "aria-hidden": "true" }, el("i"));
    bar.classList.toggle("minus", value < 0);
    bar.style.setProperty("--size", Math.abs(value) / widest);
    place.append(bar, el("span", { class: "unseen" }, `adds to ${explanation.target}: `), el("span", {}, text));
  }
}

const whole = ({ message, hint }) => (hint ? `${message} ${hint}` : message);

function fieldErrors(errors) {
  for (const place of document.querySelectorAll(".field .error")) {
    const name = place.id.slice("error-".length);
    const own = errors.filter((error) => error.pointer === `/${name}`);
    place.textContent = own.map(whole).join(" ");
    if (own.length) control(name).setAttribute("aria-invalid", "true");
    else control(name).removeAttribute("aria-invalid");
  }
}

const inWords = (message) => message.replaceAll(/\w+_\w+/g, (name) => fieldOf(name)?.label ?? name);

export function showNotice(...content) {
  $("notice").replaceChildren(...content);
  $("notice").hidden = !content.length;
}

/** Shows a detailed answer. `use` takes corrected values by field. */
export function showAnswer(answer, values, use) {
  const words = sentence(answer);
  verdict(answer.prediction, percent(answer.probability), words);
  bars(answer.probabilities);
  const warnings = answer.warnings ?? [];
  const buttons = correctionButtons(warnings, values, use);
  $("warnings").replaceChildren(...warnings.map((item) => el("li", {}, inWords(item.message))));
  if (buttons.length) $("warnings").append(el("li", { class: "plain" }, ...buttons));
  effects(answer.explanation);
  fieldErrors([]);
  showNotice();
  $("source").textContent = `Model ${answer.model.version}`;
  if (answer.model.version !== domain.version) {
    $("source").append(", which is not the one that this page describes. ", el("a", { href: "" }, "Load it again"));
  }
  announce(`${answer.prediction}, ${percent(answer.probability)}. ${words}`);
}

/** Shows that nothing was predicted, and why at each field. */
export function showRefusal(problem, values, use) {
  const count = problem.errors.length;
  const words = count === 1 ? "One value cannot be right." : `${count} values cannot be right.`;
  verdict("No answer", "", words);
  bars();
  effects();
  fieldErrors(problem.errors);
  const about = problem.errors.map((error) => {
    const field = fieldOf(error.pointer.slice(1));
    return el("li", {}, field ? `${capital(field.label)}: ${whole(error)}` : whole(error));
  });
  const buttons = correctionButtons(problem.errors, values, use);
  $("warnings").replaceChildren(...about, ...(buttons.length ? [el("li", { class: "plain" }, ...buttons)] : []));
  showNotice();
  announce(`No answer. ${[...$("warnings").querySelectorAll("li:not(.plain)")].map((li) => li.textContent).join(" ")}`);
}
