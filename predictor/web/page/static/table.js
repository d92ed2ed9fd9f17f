// A whole table: read, sent in batches, shown row by row, and handed back as CSV.

import { call, trouble } from "./api.js";
import { percent } from "./answer.js";
import { $, announce, colour, domain, el } from "./dom.js";

const BATCH_ROWS = 200; // Small enough for progress that moves, and for the size limit of a request.
const SHOWN_ROWS = 200;
const ATTEMPTS = 5;

/** The cells of a CSV or TSV text (RFC 4180), line by line; the header says which separator it has. */
export function parse(text) {
  const header = /^.*$/m.exec(text)[0];
  const separator = ["\t", ";", ","].find((character) => header.includes(character)) ?? ",";
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  const endRow = () => {
    row.push(cell);
    if (row.some((item) => item.trim())) rows.push(row);
    [row, cell] = [[], ""];
  };
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i];
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (character === '"' && !cell.trim()) [quoted, cell] = [true, ""];
    else if (character === separator) {
      row.push(cell);
      cell = "";
    } else if (character === "\n") endRow();
    else if (character !== "\r") cell += character;
  }
  endRow();
  return rows;
}

const key = (text) => text.trim().toLowerCase().replaceAll(/[^a-z0-9]+/g, "_");

/** For each field the column that holds it, -1 where there is none. */
function columnsOf(header) {
  const keys = header.map(key);
  return domain.fields.map((field) => keys.indexOf(key(field.name)));
}

/** What the API is sent for a row: the values as they are meant, and the text where a cell means no such thing. */
function instance(row, columns) {
  const values = {};
  domain.fields.forEach((field, index) => {
    const cell = row[columns[index]]?.trim() ?? "";
    if (!cell || cell === "NA") return;
    const number = Number(cell);
    const same = (value) => value.toLowerCase() === cell.toLowerCase();
    if (field.values) values[field.name] = field.values.find(same) ?? cell;
    else values[field.name] = Number.isFinite(number) ? number : cell;
  });
  return values;
}

const message = ({ detail, errors }) =>
  errors.map((error) => `${error.pointer.slice(1)}: ${error.message} ${error.hint ?? ""}`.trim()).join(" ") || detail;

function outcome(prediction) {
  if (prediction.error) return ["", "", message(prediction.error)];
  const notes = (prediction.warnings ?? []).map((warning) => warning.message).join(" ");
  return [prediction.prediction, prediction.probability, notes];
}

function tableRow(cells, prediction) {
  const [label, probability, note] = outcome(prediction);
  const first = label ? el("th", { scope: "row", class: colour(label) }, label) : el("th", { scope: "row" }, "Error");
  const answer = [el("td", {}, label ? percent(probability) : ""), el("td", { class: "note" }, note)];
  return el("tr", label ? {} : { class: "bad" }, first, ...answer, ...cells.map((cell) => el("td", {}, cell)));
}

const quote = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));

async function batch(instances, signal) {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await call("predict", { instances }, signal);
    if (answer.status === 200) return answer.body.predictions;
    const problem = trouble(answer);
    if (!problem.again || attempt === ATTEMPTS || answer.status === 422) throw new Error(problem.text);
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, (problem.retryS ?? attempt) * 1000);
      signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)));
    });
  }
}

async function score(text, signal) {
  const [header, ...rows] = parse(text.replace(/^\ufeff/, ""));
  if (!rows.length) throw new Error("There must be a header line, and a line for each row.");
  const columns = columnsOf(header);
  const missing = domain.fields.filter((_, index) => columns[index] < 0).map((field) => field.name);
  if (missing.length) throw new Error(`These columns are missing: ${missing.join(", ")}.`);
  const headings = [domain.label, "probability", "note", ...header];
  const body = $("results").querySelector("tbody");
  const head = el("tr", {}, ...headings.map((name) => el("th", { scope: "col" }, name)));
  $("results").querySelector("thead").replaceChildren(head);
  body.replaceChildren();
  $("results").hidden = false;
  const lines = [[...header, "prediction", "probability", "note"]];
  const size = Math.min(BATCH_ROWS, domain.maxRows);
  let bad = 0;
  const finish = () => {
    const csv = lines.map((line) => line.map(quote).join(",")).join("\r\n");
    const url = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
    URL.revokeObjectURL($("download").href);
    $("download").href = url;
    $("download").hidden = lines.length < 2;
  };
  try {
    for (let start = 0; start < rows.length; start += size) {
      const part = rows.slice(start, start + size);
      const predictions = await batch(part.map((row) => instance(row, columns)), signal);
      predictions.forEach((prediction, index) => {
        const cells = header.map((_, column) => part[index][column] ?? "");
        lines.push([...cells, ...outcome(prediction)]);
        if (prediction.error) bad += 1;
        if (lines.length <= SHOWN_ROWS + 1) body.append(tableRow(cells, prediction));
      });
      $("progress").value = (start + part.length) / rows.length;
      status(`${lines.length - 1} of ${rows.length} rows`);
    }
  } finally {
    finish();
  }
  const shown = lines.length - 1 > SHOWN_ROWS ? ` The first ${SHOWN_ROWS} are shown; the download has all.` : "";
  const errors = bad ? ` ${bad} could not be predicted; the note says why.` : "";
  status(`${rows.length} ${rows.length === 1 ? "row" : "rows"}.${errors}${shown}`);
}

function status(text) {
  $("table-status").textContent = text;
  announce(text);
}

async function run(text) {
  const control = new AbortController();
  const cancel = () => control.abort();
  $("cancel").addEventListener("click", cancel);
  $("score").disabled = true;
  $("cancel").hidden = $("progress").hidden = false;
  $("download").hidden = true;
  $("progress").value = 0;
  try {
    await score(text, control.signal);
  } catch (error) {
    status(control.signal.aborted ? `Cancelled. ${$("table-status").textContent} were done.` : error.message);
  } finally {
    $("cancel").removeEventListener("click", cancel);
    $("cancel").hidden = $("progress").hidden = true;
    $("score").disabled = false;
  }
}

async function take(file) {
  if (!file || $("score").disabled) return;
  $("table-text").value = "";
  await run(await file.text());
}

export function startTable() {
  const zone = $("many");
  $("score").addEventListener("click", () => run($("table-text").value));
  $("table-file").addEventListener("change", async ({ target }) => {
    await take(target.files[0]);
    target.value = ""; // So that the same file can be chosen again.
  });
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
}
