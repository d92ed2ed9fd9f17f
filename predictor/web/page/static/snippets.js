// The same call in three languages, for whoever wants to go on from here.

import { $ } from "./dom.js";

const TOKEN = "$(gcloud auth print-identity-token)";

/** Writes the calls that send these values; with a token once the service has asked for one. */
export function showCalls(values, withToken) {
  const url = new URL("predict?details=true", document.baseURI).href;
  const json = JSON.stringify(values, null, 2);
  const body = json.replaceAll("'", "'\\''");
  $("curl").textContent = [
    `curl '${url}' \\`,
    ...(withToken ? [`  -H "Authorization: Bearer ${TOKEN}" \\`] : []),
    `  -H 'Content-Type: application/json' \\`,
    `  -d '${body}'`,
  ].join("\n");
  const indented = json.replaceAll("\n", "\n    ");
  $("python").textContent = [
    "import requests",
    "",
    ...(withToken ? [`token = "..."  # gcloud auth print-identity-token`] : []),
    `answer = requests.post(`,
    `    "${url}",`,
    ...(withToken ? [`    headers={"Authorization": f"Bearer {token}"},`] : []),
    `    json=${indented},`,
    `    timeout=30,`,
    `)`,
    `answer.raise_for_status()`,
    `print(answer.json())`,
  ].join("\n");
  const authorization = withToken ? `, "Authorization": \`Bearer \${token}\`` : "";
  $("javascript").textContent = [
    ...(withToken ? [`const token = "..."; // gcloud auth print-identity-token`] : []),
    `const response = await fetch("${url}", {`,
    `  method: "POST",`,
    `  headers: { "Content-Type": "application/json"${authorization} },`,
    `  body: JSON.stringify(${json.replaceAll("\n", "\n  ")}),`,
    `});`,
    `console.log(await response.json());`,
  ].join("\n");
}
