// Elements without markup in strings: what the model or a file says is always text.

export const $ = (id) => document.getElementById(id);

export const domain = JSON.parse($("data").textContent);

const make = (namespace) => (tag, attributes = {}, ...children) => {
  const element = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
export const el = make("http://www.w3.org/1999/xhtml");
export const svg = make("http://www.w3.org/2000/svg");

/** What the domain says of a field; nothing for a name that is none. */
export const fieldOf = (name) => domain.fields.find((field) => field.name === name);

/** The number field, the select or the group of radio buttons; no feature's name can be another element's id. */
export const control = (name) => $(`field-${name}`);

const COLOURS = 6;

export const colour = (label) => `c${domain.classes.indexOf(label) % COLOURS}`;

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const debounced = (action, pauseMs) => {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(action, pauseMs, ...args);
  };
};

const ANNOUNCE_MS = 1000;
/** Tells screen readers, once what changes has come to rest. */
export const announce = debounced((text) => ($("live").textContent = text), ANNOUNCE_MS);

export async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    announce("Copied");
  } catch {
    button.textContent = "Not allowed here";
  }
  setTimeout(() => (button.textContent = label), 2000);
}
