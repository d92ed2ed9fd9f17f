// Type-checked against the generated client, then run: node calls.js URL
import createClient from "openapi-fetch";
import type { paths } from "./api";

declare const process: { argv: string[] }; // Of Node, whose types are not needed for more.

const client = createClient<paths>({ baseUrl: process.argv[2] });
const bird = {
  bill_length_mm: 39.1,
  bill_depth_mm: 18.7,
  flipper_length_mm: 181.0,
  body_mass_g: 3750.0,
  sex: "male",
  island: "Torgersen",
} as const;

const plain = await client.POST("/predict", { body: bird });
if (plain.data === undefined || !("prediction" in plain.data)) throw new Error("no plain answer");
console.log("plain", plain.data.prediction);

const detailed = await client.POST("/predict", { body: bird, params: { query: { explain: true } } });
if (detailed.data === undefined || !("probability" in detailed.data)) throw new Error("no detailed answer");
const probability: number = detailed.data.probability;
const neighbour: string | undefined = detailed.data.explanation?.neighbours[0].penguin.island;
console.log("detailed", detailed.data.prediction, probability > 0.9, detailed.data.in_distribution, neighbour);

const bad = { ...bird, body_mass_g: 1 };
const batch = await client.POST("/predict", { body: { instances: [{ ...bird, id: 7 }, bad] } });
if (batch.data === undefined || !("predictions" in batch.data)) throw new Error("no batch");
for (const row of batch.data.predictions) {
  if ("error" in row) console.log("row", row.error.errors[0].pointer);
  else console.log("row", row.id, row.prediction, row.probability > 0.9);
}

const failing = await client.POST("/predict", { body: bad });
console.log("failing", failing.error?.status, failing.error?.errors?.[0].code);
